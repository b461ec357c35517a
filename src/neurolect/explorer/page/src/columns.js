// Columns of the table of all lists: typed arrays that are loaded once, sorted and filtered here.
import { get, neuronId } from "./source.js";

const loaded = new Map();

// Returns a promise of {type, values, labels?}: Float64Array (NaN where there is none), array of texts, or codes of labels.
export function column(run, name) {
  const key = `${run.n}/${name}`;
  if (!loaded.has(key)) {
    const made = MADE_HERE[name];
    const promise = made ? Promise.resolve(made(run)) : fetched(run, name);
    loaded.set(key, promise);
    promise.catch(() => loaded.delete(key));
  }
  return loaded.get(key);
}

async function fetched(run, name) {
  const n = Math.ceil(run.n_rows / run.piece);
  const pieces = await Promise.all(Array.from({ length: n }, (_, piece) => get("column", run.n, name, piece)));
  if (pieces[0] && pieces[0].labels) return categories(pieces, run.n_rows);
  const type = (run.columns.find((each) => each.name === name) || {}).type;
  const values = pieces.flatMap((piece) => piece.v);
  if (type === "number") return { type, values: Float64Array.from(values, (each) => (each === null ? NaN : each)) };
  return { type: "text", values };
}

function categories(pieces, length) {
  const labels = [];
  const codes = new Int32Array(length).fill(-1);
  let at = 0;
  for (const piece of pieces) {
    const places = piece.labels.map((label) => {
      const found = labels.indexOf(label);
      return found >= 0 ? found : labels.push(label) - 1;
    });
    for (const code of piece.v) codes[at++] = code === null || code < 0 ? -1 : places[code];
  }
  return { type: "category", labels, values: codes };
}

// What follows from a row's place: neurons in order, the sides of one next to another.
const MADE_HERE = {
  address: (run) => ({
    type: "text",
    values: Array.from({ length: run.n_rows }, (_, row) => addressOf(run, row)),
    ranks: Int32Array.from({ length: run.n_rows }, (_, row) => Math.floor(row / run.sides.length)),
  }),
  site: (run) => coded(run, [...new Set(run.sites.map((each) => each.site))], (place, labels) => labels.indexOf(run.sites[place].site)),
  layer: (run) => ({ type: "number", values: Float64Array.from({ length: run.n_rows }, (_, row) => run.sites[placeOf(run, row)[0]].layer) }),
  index: (run) => ({ type: "number", values: Float64Array.from({ length: run.n_rows }, (_, row) => placeOf(run, row)[1]) }),
  side: (run) => ({ type: "category", labels: run.sides, values: Int32Array.from({ length: run.n_rows }, (_, row) => row % run.sides.length) }),
};

function coded(run, labels, code) {
  return { type: "category", labels, values: Int32Array.from({ length: run.n_rows }, (_, row) => code(placeOf(run, row)[0], labels)) };
}

const firsts = new WeakMap();
function firstsOf(run) {
  if (!firsts.has(run)) {
    let first = 0;
    firsts.set(run, run.sites.map(({ width }) => (first += width) - width));
  }
  return firsts.get(run);
}

// [number of the site and layer, index within it]
export function placeOf(run, row) {
  const neuron = Math.floor(row / run.sides.length);
  const starts = firstsOf(run);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= neuron) low = middle;
    else high = middle - 1;
  }
  return [low, neuron - starts[low]];
}

export function addressOf(run, row) {
  const [place, index] = placeOf(run, row);
  const { site, layer } = run.sites[place];
  return `${site}.${layer}.${index}`;
}

export const sideOf = (run, row) => run.sides[row % run.sides.length];
export const rowOf = (run, address, side) => neuronId(run, address) * run.sides.length + Math.max(0, run.sides.indexOf(side));

// Keys that order like the values: float32 bits, turned so that they compare as whole numbers; missing ones last.
function keysOf(found, descending) {
  const name = descending ? "down" : "up";
  found.keys = found.keys || {};
  found.keys[name] = found.keys[name] || madeKeys(found, descending);
  return found.keys[name];
}

function madeKeys(found, descending) {
  const { type, values } = found;
  const n = values.length;
  const keys = new Uint32Array(n);
  if (type === "number") {
    const bits = new Uint32Array(Float32Array.from(values).buffer);
    for (let at = 0; at < n; at++) {
      const each = bits[at];
      const key = each & 0x80000000 ? ~each : each | 0x80000000;
      keys[at] = Number.isNaN(values[at]) ? 0xffffffff : descending ? ~key : key;
    }
    return keys;
  }
  const ranks = type === "text" ? found.ranks : categoryRanks(found);
  for (let at = 0; at < n; at++) keys[at] = ranks[at] < 0 ? 0xffffffff : descending ? 0xfffffffe - ranks[at] : ranks[at];
  return keys;
}

const compare = new Intl.Collator("en", { numeric: true }).compare;

// A column that can be sorted by: the order of texts comes with the data, for to sort them here takes seconds.
export async function sortable(run, name) {
  const found = await column(run, name);
  if (found.type !== "text" || found.ranks) return found;
  const n = Math.ceil(run.n_rows / run.piece);
  const pieces = await Promise.all(Array.from({ length: n }, (_, piece) => get("order", run.n, name, piece)));
  found.ranks = new Int32Array(run.n_rows);
  pieces.forEach(({ v }, piece) => v.forEach((rank, at) => (found.ranks[piece * run.piece + at] = rank === null ? -1 : rank)));
  return found;
}

function categoryRanks({ labels, values }) {
  const order = labels.map((label, code) => [label, code]).sort((a, b) => compare(a[0], b[0]));
  const rank = new Int32Array(labels.length);
  order.forEach(([, code], place) => (rank[code] = place));
  return Int32Array.from(values, (code) => (code < 0 ? -1 : rank[code]));
}

// Order rows by a column: a stable radix sort, so that ties stay in the order of neurons.
export function ordered(rows, found, descending) {
  const keys = keysOf(found, descending);
  let from = Uint32Array.from(rows);
  let to = new Uint32Array(from.length);
  for (let shift = 0; shift < 33; shift += 11) {
    const counts = new Uint32Array(2049);
    for (const row of from) counts[((keys[row] >>> shift) & 2047) + 1]++;
    for (let at = 1; at < 2049; at++) counts[at] += counts[at - 1];
    for (const row of from) to[counts[(keys[row] >>> shift) & 2047]++] = row;
    [from, to] = [to, from];
  }
  return from;
}

export function quantiles(values, shares) {
  const sorted = Float64Array.from(values.filter((each) => Number.isFinite(each))).sort();
  if (!sorted.length) return null;
  return shares.map((share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  });
}
