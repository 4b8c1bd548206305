// Reads the page's data: one block of JSON, whose arrays are deflated and in base64 (see pack.py).

const TYPES = {
  bool: Uint8Array, uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array,
  float32: Float32Array, float64: Float64Array,
};

/** An array of numbers with a shape; the last axis varies fastest. */
class Grid {
  constructor(values, shape) {
    this.values = values;
    this.shape = shape;
  }

  /** The number at a full index, or the part under a shorter one as a plain view. */
  at(...index) {
    let start = 0;
    let size = this.values.length;
    index.forEach((place, axis) => {
      size /= this.shape[axis];
      start += place * size;
    });
    return index.length === this.shape.length ? this.values[start] : this.values.subarray(start, start + size);
  }
}

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** The same JSON with a Grid in place of every packed array. */
async function unpack(node) {
  if (node === null || typeof node !== "object") return node;
  if (Array.isArray(node)) return Promise.all(node.map(unpack));
  if ("dtype" in node && "shape" in node && "data" in node) {
    return new Grid(new TYPES[node.dtype](await inflate(node.data)), node.shape);
  }
  const entries = Object.entries(node).map(async ([name, value]) => [name, await unpack(value)]);
  return Object.fromEntries(await Promise.all(entries));
}

/** An element with attributes and children; texts are never read as HTML. */
function make(name, attributes = {}, ...children) {
  const svg = SVG_NAMES.has(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("--")) element.style.setProperty(key, value);
    else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const SVG_NAMES = new Set(["svg", "path", "line", "circle", "text", "polygon", "g"]);
const find = (id) => document.getElementById(id);

/** A number as readers want it: three digits after the point, two that count if it is small. */
function say(number, digits = 3) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  if (size < 1e-6) return "0";
  const text = size < 10 ** -(digits - 1) ? number.toFixed(1 - Math.floor(Math.log10(size))) : number.toFixed(digits);
  return text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "").replace("-", "−");
}

const range = (count) => Array.from({ length: count }, (_, index) => index);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const words = (name) => name.replaceAll("_", " ");

/** A row of a table: a heading and cells, which are texts or elements. */
function row(heading, cells, attributes = {}) {
  const all = cells.map((cell) => (cell instanceof Element && cell.tagName === "TD" ? cell : make("td", {}, cell)));
  return make("tr", attributes, make("th", { scope: "row" }, ...[heading].flat()), ...all);
}

function table(headings, rows, caption = "") {
  const head = make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, ...[text].flat())));
  const title = caption ? [make("caption", {}, caption)] : [];
  return make("table", {}, ...title, make("thead", {}, head), make("tbody", {}, ...rows));
}
