// Two open runs neuron by neuron: what has the same address in both, how their orders by a number overlap.
import { html, useMemo } from "../vendor.js";
import { Blocks } from "./blocks.js";
import { column } from "./columns.js";
import { usePromise } from "./parts.js";
import { count, number } from "./text.js";

const N_POINTS = 24; // of the curve, evenly spread over the orders of magnitude

export function Pairs({ runs, values, side, about }) {
  const names = usePromise(() => Promise.all(runs.map((run) => column(run, "name").catch(() => null))), runs);
  const pairs = useMemo(() => pairsOf(runs, values, side), [...runs, values, side]);
  if (pairs.length < 2) return html`<p class="note">No neuron of both runs has it: they share no address.</p>`;
  return html`<${Blocks} prefix="pairs" blocks=${[overlap(runs, pairs, about), table(runs, pairs, about, names.value || [])]} />`;
}

// Neurons of both runs at the same address: {address, rows, values}, where both have the number.
export function pairsOf(runs, values, side) {
  const starts = runs.map((run) => {
    let first = 0;
    return new Map(run.sites.map(({ site, layer, width }) => [`${site}.${layer}`, { first: (first += width) - width, width }]));
  });
  const rowOf = (which, neuron) => neuron * runs[which].sides.length + runs[which].sides.indexOf(side);
  const found = [];
  for (const [place, one] of starts[0]) {
    const other = starts[1].get(place);
    for (let at = 0; other && at < Math.min(one.width, other.width); at++) {
      const rows = [rowOf(0, one.first + at), rowOf(1, other.first + at)];
      const both = rows.map((row, which) => values[which].values[row]);
      if (both.every(Number.isFinite)) found.push({ address: `${place}.${at}`, rows, values: both });
    }
  }
  return found;
}

// Places in the order of a number, the greatest first or the least: of each the first and the last that equal ones have.
export function places(values, descending) {
  const order = Array.from(values.keys()).sort((a, b) => (descending ? values[b] - values[a] : values[a] - values[b]) || a - b);
  const found = new Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let at = from; at < to; at++) found[order[at]] = { first: from, last: to - 1 };
    from = to;
  }
  return found;
}

// The share of the first neurons of one order that are among as many of the other; equal ones in any order, on average.
export function shareInBoth(a, b, size) {
  const within = ({ first, last }) => Math.min(1, Math.max(0, (size - first) / (last + 1 - first)));
  return a.reduce((sum, place, at) => sum + within(place) * within(b[at]), 0) / size;
}

export function correlation(a, b) {
  const mean = (each) => each.reduce((sum, value) => sum + value, 0) / each.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [top, va, vb] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    top += (a[at] - ma) * (b[at] - mb);
    va += (a[at] - ma) ** 2;
    vb += (b[at] - mb) ** 2;
  }
  return va && vb ? top / Math.sqrt(va * vb) : NaN;
}

function overlap(runs, pairs, about) {
  const [a, b] = [0, 1].map((which) => places(pairs.map((pair) => pair.values[which]), about.descending));
  const middle = (each) => (each.first + each.last) / 2;
  const n = pairs.length;
  const sizes = [...new Set(Array.from({ length: N_POINTS }, (_, at) => Math.max(1, Math.round(n ** (at / (N_POINTS - 1))))))];
  const shares = sizes.map((size) => shareInBoth(a, b, size));
  return {
    kind: "curves",
    title: "Both orders laid over one another",
    note: `By ${about.label}, the ${about.descending ? "greatest" : "least"} first: the share of the first neurons of ${runs[0].name} that are among as many first ones of ${runs[1].name}. ${count(n)} neurons; rank correlation (Spearman) ${number(correlation(a.map(middle), b.map(middle)))}, by chance 0.`,
    x_label: "first neurons",
    y_label: "share in both",
    log_x: true,
    from_zero: true,
    curves: [{ label: "in both", x: sizes, y: shares }, { label: "by chance", x: sizes, y: sizes.map((size) => size / n), is_control: true }],
  };
}

function table(runs, pairs, about, names) {
  const labels = runs.map((run) => run.name);
  const columns = [{ name: "address", label: "neuron", type: "address" }];
  labels.forEach((label, which) => columns.push({ name: `value-${which}`, label: `${label}: ${about.label}`, type: "number" }));
  columns.push({ name: "difference", label: "difference", type: "number" });
  labels.forEach((label, which) => columns.push({ name: `name-${which}`, label: `${label}: name`, type: "text" }));
  const nameOf = (pair, which) => (names[which] && names[which].values[pair.rows[which]]) || "no clear theme";
  const rows = pairs.map((pair) => [pair.address, ...pair.values, pair.values[1] - pair.values[0], nameOf(pair, 0), nameOf(pair, 1)]);
  rows.sort((x, y) => Math.abs(y[3]) - Math.abs(x[3]));
  return {
    kind: "table",
    title: "Neurons at the same address",
    note: "The greatest differences first. Of variants of one model these are the same neurons; of other models they are not: neurolect compare RUN OTHER pairs neurons by their responses.",
    columns,
    rows,
    run: runs[0].n,
  };
}
