// Draws what agents see and what they imagine that others see.

const SIDE = 16;  // pixels of a window's cell

/** The same colour, less of it: part is in [0, 1]. */
function faded(colour, part) {
  const channels = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
  return `rgba(${channels.join(",")},${part})`;
}

/** A window [H, W, C] of brightness steps as a canvas; agents are discs, coins rings. */
function drawWindow(game, values, label) {
  const [rows, columns, planes] = game.window;
  const canvas = make("canvas", { width: columns * SIDE, height: rows * SIDE, role: "img", "aria-label": label });
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const floor = style.getPropertyValue("--floor"), outside = style.getPropertyValue("--outside");
  const inside = game.planes.findIndex((plane) => plane.kind === "floor");
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      const cell = values.subarray((y * columns + x) * planes, (y * columns + x + 1) * planes);
      if (game.levels === 255 && planes === 3) {
        pen.fillStyle = `rgb(${cell.join(",")})`;
        pen.fillRect(x * SIDE, y * SIDE, SIDE, SIDE);
        continue;
      }
      pen.fillStyle = outside;
      pen.fillRect(x * SIDE, y * SIDE, SIDE, SIDE);
      pen.globalAlpha = inside < 0 ? 1 : cell[inside] / game.levels;
      pen.fillStyle = floor;
      pen.fillRect(x * SIDE, y * SIDE, SIDE - 1, SIDE - 1);
      pen.globalAlpha = 1;
      game.planes.forEach((plane, index) => drawPlane(pen, plane, x, y, cell[index] / game.levels));
    }
  }
  return canvas;
}

function drawPlane(pen, plane, x, y, part) {
  if (plane.kind === "floor" || part < 0.07) return;
  pen.fillStyle = faded(plane.colour, part);
  if (plane.kind === "cell") {
    pen.fillRect(x * SIDE + 2, y * SIDE + 2, SIDE - 5, SIDE - 5);
    return;
  }
  pen.beginPath();
  pen.arc((x + 0.5) * SIDE - 0.5, (y + 0.5) * SIDE - 0.5, SIDE * (plane.kind === "agent" ? 0.42 : 0.32), 0, 2 * Math.PI);
  if (plane.kind === "agent") {
    pen.fill();
    pen.strokeStyle = `rgba(255,255,255,${part})`;
  } else {
    pen.lineWidth = 4;
    pen.strokeStyle = pen.fillStyle;
  }
  pen.stroke();
  pen.lineWidth = 1;
}

/** What a window shows in words: how much of each plane there is. */
function inWords(game, values) {
  const named = game.planes.map((plane, index) => [plane, index]).filter(([plane]) => plane.kind !== "floor");
  const counts = named.map(([plane, index]) => {
    let total = 0;
    for (let at = index; at < values.length; at += game.planes.length) total += values[at];
    return [words(plane.name), total / game.levels];
  });
  const seen = counts.filter(([, count]) => count >= 0.5);
  return seen.map(([name, count]) => `${name} ${say(count, 1)}`).join(", ") || "nothing";
}

/** A short observation [F] as named cells, filled as far as its numbers say. */
function drawCells(game, values, label) {
  const cells = Array.from(values, (value, index) =>
    make("span", { "--part": value / game.levels }, `${words(game.planes[index]?.name ?? String(index))} ${say(value / game.levels, 2)}`));
  return make("div", { class: "cells", role: "img", "aria-label": label }, ...cells);
}

function drawSight(game, values, who) {
  const isMap = game.window.length === 3 && game.planes.length === game.window[2];
  const label = `${who}: ${isMap ? inWords(game, values) : Array.from(values, (value, index) => `${words(game.planes[index]?.name ?? String(index))} ${say(value / game.levels, 2)}`).join(", ")}`;
  return isMap ? drawWindow(game, values, label) : drawCells(game, values, label);
}
