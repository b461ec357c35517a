// Which rows of the table are shown: the search, and a condition a column, written name:rule in the address.
import { addressOf, column, sortable } from "./columns.js";
import { get, isStatic } from "./source.js";

const SEARCHED = ["name", "words", "writes", "typical"];
const haystacks = new WeakMap();

export const parse = (written) => {
  const [name, rule] = written.split(/:(.*)/s);
  return { name, rule: rule || "" };
};

// "jane austen" or "two words" in quotation marks: each has to occur.
export function terms(query) {
  return [...query.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map((found) => found[1] || found[2]);
}

function haystack(run) {
  if (!haystacks.has(run)) {
    const promise = gathered(run);
    haystacks.set(run, promise);
    promise.catch(() => haystacks.delete(run));
  }
  return haystacks.get(run);
}

const SLICE = 10; // milliseconds of work at a time: a key that is pressed meanwhile is not kept waiting
const pause = () => new Promise((resolve) => setTimeout(resolve));

async function gathered(run) {
  const names = SEARCHED.filter((name) => run.columns.some((each) => each.name === name));
  const found = await Promise.all(names.map((name) => column(run, name)));
  const kinds = await column(run, "kind").catch(() => null);
  const texts = new Array(run.n_rows);
  let since = performance.now();
  for (let row = 0; row < run.n_rows; row++) {
    let text = addressOf(run, row);
    for (const each of found) if (each.values[row]) text += `\n${each.values[row]}`;
    if (kinds && kinds.values[row] >= 0) text += `\n${kinds.labels[kinds.values[row]]}`;
    texts[row] = text.toLowerCase();
    if (!(row & 255) && performance.now() - since > SLICE) {
      await pause();
      since = performance.now();
    }
  }
  return texts;
}

// What the first search and the first orders by text need, once the table is there.
export async function prepare(run) {
  await haystack(run);
  if (isStatic) return; // a site's further files are read when they are asked for
  for (const each of run.columns) if (each.type === "text" && each.default) await sortable(run, each.name);
}

let last = { run: null };

// Rows that hold for the search and for every condition; those of the question before are kept: what is only ordered
// otherwise needs no second look, and what is typed further only narrows.
export async function matching(run, query, conditions) {
  const written = conditions.map((each) => `${each.name}:${each.rule}`).join("\n");
  const isSame = last.run === run && last.written === written;
  if (isSame && last.query === query) return last.rows;
  const from = isSame && last.query && query.startsWith(last.query) && !query.includes('"') ? last.rows : null;
  const rows = await looked(run, query, conditions, from);
  last = { run, written, query, rows };
  return rows;
}

async function looked(run, query, conditions, from) {
  const tests = await Promise.all(conditions.map((each) => test(run, each)));
  const words = terms(query);
  const texts = words.length ? await haystack(run) : null;
  const n_rows = from ? from.length : run.n_rows;
  const rows = new Uint32Array(n_rows);
  let n = 0;
  for (let at = 0; at < n_rows; at++) {
    const row = from ? from[at] : at;
    if (texts && !words.every((word) => texts[row].includes(word))) continue;
    if (tests.every((holds) => holds(row))) rows[n++] = row;
  }
  return rows.subarray(0, n);
}

async function test(run, { name, rule }) {
  if (name === "area") return inArea(run, rule);
  const { type, values, labels } = await column(run, name);
  if (type === "number") {
    const [low, high] = bounds(rule);
    return (row) => values[row] >= low && values[row] <= high;
  }
  if (type === "category") {
    const chosen = new Set(rule.split("|").map((label) => labels.indexOf(label)));
    return (row) => chosen.has(values[row]);
  }
  const wanted = rule.toLowerCase();
  return (row) => Boolean(values[row]) && values[row].toLowerCase().includes(wanted);
}

export function bounds(rule) {
  const [low, high] = rule.split("..");
  return [low ? Number(low) : -Infinity, high === undefined ? Number(low) : high ? Number(high) : Infinity];
}

// A part of a map that was drawn around: map;x,y;x,y ...
async function inArea(run, rule) {
  const [name, ...corners] = rule.split(";");
  const { x, y } = await places(run, name);
  const outline = corners.map((corner) => corner.split(",").map(Number));
  return (row) => isInside(x[row], y[row], outline);
}

export function isInside(x, y, outline) {
  if (!(Number.isFinite(x) && Number.isFinite(y))) return false;
  let inside = false;
  for (let at = 0, last = outline.length - 1; at < outline.length; last = at++) {
    const [ax, ay] = outline[at];
    const [bx, by] = outline[last];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// Where rows are on a map; "grid" needs no relations: layers by index.
export async function places(run, name) {
  if (name === "grid") {
    const [layers, indices] = await Promise.all([column(run, "layer"), column(run, "index")]);
    const n_sides = run.sides.length;
    const y = layers.values.map((layer, row) => -layer - (((indices.values[row] * 7) % 13) * 0.8) / 13 - (row % n_sides) * 0.03);
    const widest = Math.max(...run.sites.map((each) => each.width));
    return { x: indices.values.map((index) => (index / widest) * run.sites.length * 1.4), y };
  }
  const n = Math.ceil(run.n_rows / run.piece);
  const pieces = await Promise.all(Array.from({ length: n }, (_, piece) => get("map", run.n, name, piece)));
  const join = (axis) => Float64Array.from(pieces.flatMap((piece) => piece[axis]), (each) => (each === null ? NaN : each));
  return { x: join("x"), y: join("y") };
}
