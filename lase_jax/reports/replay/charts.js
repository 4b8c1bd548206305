// Line charts: one figure each, with a legend whose numbers follow the cursor.

const WIDE = 340, HIGH = 170, LEFT = 44, RIGHT = 14, TOP = 8, BOTTOM = 22;

/** Three to six round numbers that span an interval. */
function ticks(low, high) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => span / each <= 5);
  const first = Math.ceil(low / step - 1e-9);
  return range(Math.floor(high / step + 1e-9) - first + 1).map((index) => (first + index) * step);
}

/** 12000 as "12k". */
function brief(number) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(number) >= size) return say(number / size, 1) + letter;
  }
  return number !== 0 && Math.abs(number) < 0.001 ? number.toExponential(0) : say(number);
}

/** The interval of all means and their bands, or of those above a floor. */
function bounds(lines, floor) {
  const numbers = lines.flatMap((line) => [...line.mean, ...(line.low ?? []), ...(line.high ?? [])]);
  const finite = numbers.filter(Number.isFinite);
  if (!finite.length) return [0, 1];
  const [low, high] = [Math.max(floor, Math.min(...finite)), Math.max(floor, ...finite)];
  if (low === high) return low === 0 ? [0, 1] : [low - 0.5, high + 0.5];
  return [low, high];
}

/** The path of a line; numbers that are missing leave gaps. */
function path(points) {
  let pen = "M";
  return points.map(([x, y]) => {
    if (!Number.isFinite(y)) {
      pen = "M";
      return "";
    }
    const part = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
    return part;
  }).join("");
}

/**
 * A chart.
 *
 * what: {title, unit, x, xlabel, lines}, each line {label, colour, mean} and perhaps {low, high}, the
 * ends of its band, and perhaps floor, below which lines are cut off; pick(index) is called where the
 * reader points, if given.
 * Returns {element, cursor(index)}.
 */
function chart(what, pick = null) {
  const { title, unit, x, xlabel, lines, floor = -Infinity } = what;
  const [low, high] = bounds(lines, floor);
  const first = x[0], end = x[x.length - 1];
  const across = (value) => LEFT + ((value - first) / (end - first || 1)) * (WIDE - LEFT - RIGHT);
  const up = (value) => HIGH - BOTTOM - ((Math.max(value, floor) - low) / (high - low)) * (HIGH - BOTTOM - TOP);
  const label = `${title}, ${unit}, by ${xlabel}`;
  const svg = make("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label });
  for (const value of ticks(low, high)) {
    svg.append(
      make("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: up(value), y2: up(value) }),
      make("text", { x: LEFT - 5, y: up(value) + 4, "text-anchor": "end" }, brief(value)),
    );
  }
  for (const value of ticks(first, end)) {
    svg.append(make("text", { x: across(value), y: HIGH - 7, "text-anchor": "middle" }, brief(value)));
  }
  for (const line of lines) {
    const points = Array.from(line.mean, (value, index) => [across(x[index]), up(value)]);
    if (line.low) {
      const ends = (values) => points.map(([px], index) => [px, up(values[index])]).filter(([, py]) => Number.isFinite(py));
      const [above, below] = [ends(line.high), ends(line.low).reverse()];
      if (above.length > 1) svg.append(make("path", { class: "band", d: `${path([...above, ...below])}Z`, "--shade": line.colour }));
    }
    svg.append(make("path", { d: path(points), "--shade": line.colour }));
    if (points.length === 1) svg.append(make("circle", { class: "dot", cx: points[0][0], cy: points[0][1], r: 3, "--shade": line.colour }));
  }
  const cursor = make("line", { class: "cursor", y1: TOP, y2: HIGH - BOTTOM, x1: -9, x2: -9 });
  svg.append(cursor);
  const numbers = lines.map(() => make("b", {}));
  const legend = make("ul", { class: "legend" }, ...lines.map((line, index) =>
    make("li", {}, make("span", { class: "chip", "--shade": line.colour }), `${line.label} `, numbers[index])));
  if (pick) {
    svg.style.cursor = "crosshair";
    svg.addEventListener("pointerdown", (event) => {
      const box = svg.getBoundingClientRect();
      const part = (((event.clientX - box.left) / box.width) * WIDE - LEFT) / (WIDE - LEFT - RIGHT);
      pick(Math.max(0, Math.min(x.length - 1, Math.round(part * (x.length - 1)))));
    });
  }
  const small = make("span", { class: "note" }, ` ${unit}`);
  const element = make("figure", { class: "chart" }, make("h4", {}, title, small), svg, make("figcaption", {}, legend));
  const move = (index) => {
    const shown = index >= 0 && index < x.length;
    const place = shown ? across(x[index]) : -9;
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    lines.forEach((line, at) => { numbers[at].textContent = shown ? say(line.mean[index]) : ""; });
  };
  return { element, cursor: move };
}
