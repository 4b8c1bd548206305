// The replay of one episode: time moves, everything else is drawn anew from the recorded numbers.

class Replay {
  constructor(data) {
    Object.assign(this, data);  // title, game, seats, tiles, episodes
    this.count = this.seats.length;
    this.time = 0;
    this.timer = null;
    this.sheet = this.drawSheet();
    this.chooseEpisode();
    this.listen();
    find("replay").hidden = false;
  }

  name(seat) {
    return `${seat} (${this.seats[seat].name})`;
  }

  heading(seat) {
    return [make("span", { class: "chip", "--shade": this.seats[seat].colour }), this.name(seat)];
  }

  // Which episode

  chooseEpisode() {
    const stage = (episode) => {
      const updates = [...new Set(this.episodes.map((each) => each.update))].sort((a, b) => a - b);
      const place = updates.indexOf(episode.update);
      const age = updates.length === 1 ? "" : place === 0 ? "early: " : place === updates.length - 1 ? "late: " : "middle: ";
      return `${age}${brief(episode.steps)} steps`;
    };
    const fill = (id, key, label) => {
      const options = new Map(this.episodes.map((episode) => [String(episode[key]), label(episode)]));
      const sorted = [...options].sort(([a], [b]) => Number(a) - Number(b));
      find(id).replaceChildren(...sorted.map(([value, text]) => make("option", { value }, text)));
      find(id).addEventListener("change", () => this.open());
    };
    fill("update", "update", stage);
    fill("seed", "seed", (episode) => String(episode.seed));
    fill("episode", "episode", (episode) => String(episode.episode));
    find("update").selectedIndex = find("update").options.length - 1;
    for (const id of ["thinker", "other"]) {
      find(id).replaceChildren(...range(this.count).map((seat) => make("option", { value: seat }, this.name(seat))));
      find(id).addEventListener("change", () => { this.keepApart(id); this.draw(); });
    }
    find("other").value = "1";
    this.open();
  }

  /** Shows the episode that is chosen; of its kinds of numbers those that it has. */
  open() {
    const wanted = ["update", "seed", "episode"].map((key) => [key, Number(find(key).value)]);
    this.now = this.episodes.find((episode) => wanted.every(([key, value]) => episode[key] === value)) ?? this.episodes[0];
    for (const [key] of wanted) find(key).value = String(this.now[key]);
    this.steps = this.now.reward.shape[0];
    this.kinds = this.kindsOf(this.now);
    const before = find("shown").value;
    find("shown").replaceChildren(...Object.entries(this.kinds).map(([value, kind]) => make("option", { value }, kind.title)));
    if (before in this.kinds) find("shown").value = before;
    find("time").max = String(this.steps);
    find("thought").hidden = !this.now.account.value;
    this.drawCurves();
    this.go(Math.min(this.time, this.steps));
  }

  /** What may be shown from agent to agent: its title, unit, number and size of the widest arrow. */
  kindsOf({ account, given, reward }) {
    const kinds = {};
    const largest = (values) => values.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 0);
    const add = (key, title, note, grid) => {
      kinds[key] = { title, note, at: (...index) => grid.at(...index), most: largest(grid.values) || 1 };
    };
    if (account.relation) {
      add("relation", "Relationships w_ij", "Share of its own reward that the agent in the row has for the one in the column (equation 3), whether or not there is a reward to share in this step.", account.relation);
      kinds.relation.most = 1 / (this.count - 1);
    }
    if (account.influence) add("influence", "Influence", "How far what the agent in the row does (si_comm: the symbol that it sends) moves what the one in the column does next (si_basic: in the same step), in nats.", account.influence);
    const paid = account.paid;
    const total = Float32Array.from(given.values, (value, index) => value + (paid && Number.isFinite(paid.values[index]) ? paid.values[index] : 0));
    add("gift", paid ? "Gifts and incentives" : "Gifts", "Reward that the agent in the row gives to the one in the column in this step.", new Grid(total, given.shape));
    this.gift = kinds.gift;
    this.net = new Grid(Float32Array.from(reward.values, (value, index) => value + this.now.delta.values[index]), reward.shape);
    return kinds;
  }

  keepApart(changed) {
    if (find("thinker").value !== find("other").value) return;
    const free = range(this.count).find((seat) => String(seat) !== find(changed).value);
    find(changed === "thinker" ? "other" : "thinker").value = String(free);
  }

  // Time

  listen() {
    const moves = {
      first: () => 0, before: () => this.eventful(-1), back: () => this.time - 1,
      on: () => this.time + 1, next: () => this.eventful(1), last: () => this.steps,
    };
    for (const [id, to] of Object.entries(moves)) {
      find(id).addEventListener("click", () => { this.pause(); this.go(to()); });
    }
    find("play").addEventListener("click", () => this.toggle());
    find("time").addEventListener("input", () => { this.pause(); this.go(Number(find("time").value)); });
    find("speed").addEventListener("change", () => { if (this.timer) this.start(); });
    find("shown").addEventListener("change", () => this.draw());
    const keys = { ArrowLeft: "back", ArrowRight: "on", Home: "first", End: "last", " ": "play", n: "next", p: "before" };
    document.addEventListener("keydown", (event) => {
      const target = event.target.tagName;
      const ownKey = target === "SELECT" || target === "INPUT" || (target === "BUTTON" && event.key === " ");
      const id = keys[event.key];
      if (!id || event.ctrlKey || event.metaKey || event.altKey || (ownKey && !(target === "INPUT" && id === "play"))) return;
      event.preventDefault();
      find(id).click();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  toggle() {
    if (this.timer) this.pause();
    else {
      if (this.time >= this.steps) this.go(0);
      this.start();
    }
  }

  start() {
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      if (this.time < this.steps) this.go(this.time + 1);
      if (this.time >= this.steps) this.pause();
    }, 1000 / Number(find("speed").value));
    this.showPlaying(true);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.showPlaying(false);
  }

  /** While it plays, screen readers are not told of every step. */
  showPlaying(playing) {
    find("status").setAttribute("aria-live", playing ? "off" : "polite");
    find("play").textContent = playing ? "⏸ Pause" : "▶ Play";
    find("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  /** The nearest step on (1) or back (-1) in which there are rewards, gifts or events; else an end. */
  eventful(way) {
    const { reward, events } = this.now;
    const everyone = range(this.count);
    const happens = (step) => everyone.some((seat) => reward.at(step, seat) !== 0
      || Object.values(events).some((count) => count.at(step, seat) !== 0)
      || everyone.some((other) => Math.abs(this.gift.at(step, seat, other)) >= 0.0005));
    let step = this.time + way;
    while (step > 0 && step < this.steps && !happens(step)) step += way;
    return step;
  }

  go(time) {
    this.time = Math.max(0, Math.min(this.steps, time));
    find("time").value = String(this.time);
    find("time").setAttribute("aria-valuetext", this.time < this.steps ? `Step ${this.time + 1} of ${this.steps}` : "End");
    this.draw();
  }

  draw() {
    this.ended = this.time >= this.steps;
    this.step = Math.min(this.time, this.steps - 1);
    find("status").textContent = this.story();
    this.drawBoard();
    this.drawArrows();
    this.drawMatrix();
    this.drawAgents();
    this.drawThought();
    this.drawViews();
    for (const each of this.charts) each.cursor(this.step);
  }

  // Words

  story() {
    const { action, active, reward, events } = this.now;
    const everyone = range(this.count);
    if (this.ended) {
      const totals = everyone.map((seat) => `${this.name(seat)} ${say(sum(range(this.steps).map((step) => reward.at(step, seat))))}`);
      return `End after ${this.steps} steps. Earned: ${totals.join(", ")}.`;
    }
    const acts = everyone.filter((seat) => active.at(this.step, seat)).map((seat) => `${seat} ${words(this.game.actions[action.at(this.step, seat)])}`);
    const earned = everyone.filter((seat) => reward.at(this.step, seat) !== 0).map((seat) => `${seat} earns ${say(reward.at(this.step, seat))}`);
    const gifts = everyone.flatMap((giver) => everyone.filter((taker) => Math.abs(this.gift.at(this.step, giver, taker)) >= 0.0005)
      .map((taker) => `${giver} to ${taker} ${say(this.gift.at(this.step, giver, taker))}`));
    const done = Object.entries(events).flatMap(([name, count]) => everyone.filter((seat) => count.at(this.step, seat) !== 0)
      .map((seat) => `${words(name)} by ${seat}${count.at(this.step, seat) === 1 ? "" : ` (${say(count.at(this.step, seat))})`}`));
    return [
      `Step ${this.step + 1} of ${this.steps}. Actions: ${acts.join(", ") || "none"}`,
      `Rewards: ${earned.join(", ") || "none"}`,
      `Gifts: ${gifts.join(", ") || "none"}`,
      ...(done.length ? [`Events: ${done.join(", ")}`] : []),
    ].join(". ") + ".";
  }

  // Board

  /** All tiles beside each other on one canvas. */
  drawSheet() {
    const [count, side] = this.tiles.shape;
    const across = Math.min(count, 64);
    const sheet = make("canvas", { width: across * side, height: Math.ceil(count / across) * side });
    const pen = sheet.getContext("2d");
    for (const index of range(count)) {
      const image = pen.createImageData(side, side);
      const colours = this.tiles.at(index);
      for (let pixel = 0; pixel < side * side; pixel += 1) {
        image.data.set(colours.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
        image.data[4 * pixel + 3] = 255;
      }
      pen.putImageData(image, (index % across) * side, Math.floor(index / across) * side);
    }
    return { sheet, side, across };
  }

  drawBoard() {
    const { sheet, side, across } = this.sheet;
    const [, rows, columns] = this.now.board.shape;
    const canvas = find("picture");
    if (canvas.width !== columns * side || canvas.height !== rows * side) {
      canvas.width = columns * side;
      canvas.height = rows * side;
    }
    const pen = canvas.getContext("2d");
    this.now.board.at(this.time).forEach((tile, index) => {
      const from = [(tile % across) * side, Math.floor(tile / across) * side];
      pen.drawImage(sheet, ...from, side, side, (index % columns) * side, Math.floor(index / columns) * side, side, side);
    });
    canvas.setAttribute("aria-label", this.ended ? "The board at the end" : `The board before step ${this.step + 1}`);
  }

  places() {
    const { centres } = this.now;
    if (centres) return range(this.count).map((seat) => [centres.at(this.time, seat, 0), centres.at(this.time, seat, 1)]);
    return range(this.count).map((seat) => {
      const angle = (2 * Math.PI * seat) / this.count + Math.PI;
      return [100 + 66 * Math.cos(angle), 100 + 66 * Math.sin(angle)];
    });
  }

  drawArrows() {
    const svg = find("arrows"), places = this.places(), onMap = Boolean(this.now.centres);
    const canvas = find("picture");
    find("board").className = onMap ? "map" : "ring";
    svg.setAttribute("viewBox", onMap ? `0 0 ${canvas.width} ${canvas.height}` : this.count === 2 ? "0 60 200 80" : "0 0 200 200");
    svg.replaceChildren();
    const kind = this.kinds[find("shown").value];
    const said = [];
    if (!this.ended) {
      for (const giver of range(this.count)) {
        for (const taker of range(this.count)) {
          const value = giver === taker ? 0 : kind.at(this.step, giver, taker);
          if (!Number.isFinite(value) || Math.abs(value) < 0.01 * kind.most) continue;
          said.push(`${giver} to ${taker} ${say(value)}`);
          svg.append(...this.arrow(places[giver], places[taker], Math.abs(value) / kind.most, this.seats[giver].colour, onMap ? 11 : 24));
        }
      }
    }
    if (!onMap) {
      places.forEach(([x, y], seat) => svg.append(
        make("circle", { cx: x, cy: y, r: 20, fill: this.seats[seat].colour }),
        make("text", { x, y: y + 6, "text-anchor": "middle", fill: "#fff", "font-size": 17 }, String(seat)),
      ));
    }
    svg.setAttribute("aria-label", `${kind.title}: ${said.join(", ") || "none"}`);
  }

  /** A bent arrow, so that it and its opposite can be told apart. */
  arrow([x0, y0], [x1, y1], part, colour, radius) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 2) return [];
    const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
    const bend = Math.min(26, 0.22 * length);
    const gap = Math.min(radius, 0.32 * length);
    const middle = [(x0 + x1) / 2 - uy * bend, (y0 + y1) / 2 + ux * bend];
    const toward = (from, to, distance) => {
      const size = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
      return [from[0] + ((to[0] - from[0]) / size) * distance, from[1] + ((to[1] - from[1]) / size) * distance];
    };
    const tail = toward([x0, y0], middle, gap), tip = toward([x1, y1], middle, gap);
    const width = 1.5 + 5.5 * Math.min(1, part), head = Math.min(5 + 1.6 * width, 0.4 * length);
    const neck = toward(tip, middle, head);
    const aside = [(-(tip[1] - neck[1]) / head) * (head * 0.6), ((tip[0] - neck[0]) / head) * (head * 0.6)];
    const corners = [tip, [neck[0] + aside[0], neck[1] + aside[1]], [neck[0] - aside[0], neck[1] - aside[1]]];
    const d = `M${tail.join(" ")}Q${middle.join(" ")} ${neck.join(" ")}`;
    const points = corners.map((corner) => corner.join(",")).join(" ");
    const line = { d, fill: "none", "stroke-linecap": "round" };
    return [
      make("path", { ...line, stroke: "#fff", "stroke-width": width + 2.5, "stroke-opacity": 0.85 }),
      make("polygon", { points, fill: colour, stroke: "#fff", "stroke-width": 1.2 }),
      make("path", { ...line, stroke: colour, "stroke-width": width }),
    ];
  }

  drawMatrix() {
    const kind = this.kinds[find("shown").value];
    const everyone = range(this.count);
    const rows = everyone.map((giver) => row(this.heading(giver), everyone.map((taker) => {
      if (giver === taker || this.ended) return make("td", {}, "");
      const value = kind.at(this.step, giver, taker);
      const part = Number.isFinite(value) ? Math.min(1, Math.abs(value) / kind.most) : 0;
      return make("td", { class: "heat", "--part": part }, say(value));
    })));
    const title = this.ended ? "The episode has ended." : `${kind.title} in step ${this.step + 1}`;
    find("matrix").replaceChildren(table(["from ↓ to →", ...everyone.map(String)], rows, title));
    find("matrix-note").textContent = kind.note;
  }

  drawAgents() {
    const { action, active, reward } = this.now;
    const everyone = range(this.count);
    const until = range(this.ended ? this.steps : this.step + 1);
    const rows = everyone.map((seat) => {
      const there = !this.ended && active.at(this.step, seat);
      const did = this.ended ? "" : there ? words(this.game.actions[action.at(this.step, seat)]) : "has left";
      const given = sum(everyone.map((other) => this.gift.at(this.step, seat, other)));
      const taken = sum(everyone.map((other) => this.gift.at(this.step, other, seat)));
      const now = this.ended ? ["", "", ""] : [reward.at(this.step, seat), given, taken].map((number) => say(number));
      const totals = [reward, this.net].map((grid) => say(sum(until.map((step) => grid.at(step, seat))), 2));
      return row(this.heading(seat), [make("td", { class: "text" }, did), ...now, ...totals], { class: there || this.ended ? null : "gone" });
    });
    const headings = ["agent", "action", "reward", "gives", "gets", "earned so far", "to learn from"];
    find("agents").replaceChildren(table(headings, rows));
  }

  // The counterfactual

  drawThought() {
    const { account, action, active, reward, given } = this.now;
    if (!account.value) return;
    const [thinker, other] = ["thinker", "other"].map((id) => Number(find(id).value));
    const values = account.value.at(this.step, thinker, other), chances = account.foreseen.at(this.step, thinker, other);
    if (this.ended || !Number.isFinite(values[0])) {
      find("alternatives").replaceChildren();
      const kind = account.value.values.length && this.thinks(thinker);
      const gone = active.at(this.step, thinker) && active.at(this.step, other) ? "" : " One of them has left the game.";
      find("verdict").textContent = this.ended ? "The episode has ended." : kind ? `There is nothing to expect in this step.${gone}` : `${this.name(thinker)} keeps no account of others.`;
      return;
    }
    const taken = action.at(this.step, other);
    const mean = sum(Array.from(values, (value, index) => value * chances[index]));
    const low = Math.min(...values), spread = Math.max(...values) - low;
    const place = (value) => (spread ? (value - low) / spread : 0.5);
    const bar = (value) => {
      const [from, to] = [Math.min(place(value), place(mean)), Math.max(place(value), place(mean))];
      return make("td", { class: "bar value", "--mean": place(mean) }, make("div", { "--from": from, "--long": to - from }));
    };
    const chance = (value) => make("td", { class: "bar chance" }, make("div", { "--from": 0, "--long": value }));
    const rows = Array.from(values, (value, index) => row(
      words(this.game.actions[index]) + (index === taken ? " (taken)" : ""),
      [bar(value), say(value), chance(chances[index]), say(chances[index])],
      { class: index === taken ? "taken" : null },
    ));
    rows.push(row("mean", ["", say(mean), "", ""], { class: "mean" }));
    const headings = [`had agent ${other} done`, "", `Q of agent ${thinker}`, "", account.view ? "chance, π_SR" : "chance"];
    const caption = `What agent ${thinker} would have expected to earn from here on, by what agent ${other} does, and how likely it thought each action. Bars reach from the mean (line) to each value; the width is the difference between the best and the worst.`;
    find("alternatives").replaceChildren(table(headings, rows, caption));
    const share = account.relation.at(this.step, thinker, other), gift = given.at(this.step, thinker, other);
    const paid = reward.at(this.step, thinker);
    const gave = paid === 0
      ? `Agent ${thinker} earned nothing in this step, so there is nothing to share.`
      : `Agent ${thinker} earned ${say(paid)} and gave ${say(gift)} of it to agent ${other}.`;
    find("verdict").textContent = `What agent ${other} did is worth ${say(values[taken] - mean)} to agent ${thinker} beyond what it expected, ` +
      `where the actions differ by at most ${say(spread)}: w = ${say(share)} of at most ${say(1 / (this.count - 1))}. ${gave}`;
  }

  thinks(seat) {
    const { value } = this.now.account;
    return range(this.steps).some((step) => range(this.count).some((other) => Number.isFinite(value.at(step, seat, other, 0))));
  }

  // Windows

  drawViews() {
    const { obs, active, account, lacks_views } = this.now;
    const everyone = range(this.count), there = (seat) => active.at(this.step, seat);
    const note = account.view
      ? "Each row is one agent: framed, what it sees before this step; beside it, what it imagines that the others see. Compare a column with the framed window in it."
      : `What each agent sees before this step.${lacks_views ? ` What it imagines is left out, ${lacks_views}.` : ""}`;
    find("views-note").textContent = this.ended ? "The episode has ended." : note;
    const own = (seat) => make("td", { class: "own" }, there(seat) ? drawSight(this.game, obs.at(this.step, seat), `Agent ${seat} sees`) : "has left");
    const imagined = (seat, other) => (there(seat) && there(other) && this.imagines(seat)
      ? drawSight(this.game, account.view.at(this.step, seat, other), `Agent ${seat} imagines that ${other} sees`) : "");
    let shown = table(everyone.map((seat) => this.heading(seat)), [make("tr", {}, ...everyone.map(own))]);
    if (account.view) {
      const rows = everyone.map((seat) => row(this.heading(seat), everyone.map((other) => (seat === other ? own(seat) : imagined(seat, other)))));
      shown = table(["agent ↓ view of →", ...everyone.map(String)], rows);
    }
    find("views").replaceChildren(...(this.ended ? [] : [shown]));
  }

  imagines(seat) {
    const { relation } = this.now.account;
    return relation && range(this.count).some((other) => Number.isFinite(relation.at(this.step, seat, other)));
  }

  drawLegend() {
    const isMap = this.game.window.length === 3;
    const shown = isMap ? this.game.planes.filter((plane) => plane.kind !== "floor") : [];
    find("legend").replaceChildren(...shown.map((plane) => make("li", {}, make("span", { class: "chip", "--shade": plane.colour }), words(plane.name))));
  }

  // Curves

  drawCurves() {
    const { reward, events } = this.now;
    const x = range(this.steps).map((step) => step + 1), everyone = range(this.count);
    const soFar = (number) => {
      let total = 0;
      return x.map((step) => { total += number(step - 1); return total; });
    };
    const lines = (number) => everyone.map((seat) => ({ label: `agent ${seat}`, colour: this.seats[seat].colour, mean: soFar((step) => number(step, seat)) }));
    const flow = (seat, sign) => (step) => sign * sum(everyone.map((other) => (sign > 0 ? this.gift.at(step, other, seat) : -this.gift.at(step, seat, other))));
    const panels = [
      ["Rewards", "earned so far", lines((step, seat) => reward.at(step, seat))],
      ["Gifts received", "so far", lines((step, seat) => flow(seat, 1)(step))],
      ["Gifts given", "so far", lines((step, seat) => flow(seat, -1)(step))],
      ["To learn from", "rewards and what agents add or give, so far", lines((step, seat) => this.net.at(step, seat))],
      ...Object.entries(events).map(([name, count]) => [words(name), "so far", lines((step, seat) => count.at(step, seat))]),
    ];
    const kept = panels.filter(([title, , all]) => !title.startsWith("Gifts") || all.some((line) => line.mean.some((value) => value !== 0)));
    this.charts = kept.map(([title, unit, all]) => chart({ title, unit, x, xlabel: "step", lines: all }, (index) => { this.pause(); this.go(index); }));
    find("curves").replaceChildren(...this.charts.map((each) => each.element));
    this.drawLegend();
  }
}
