// A strip a layer, a place in it a neuron, in the colours of the sequence.
import { html, useEffect, useRef, useState } from "../vendor.js";
import { cardLink, go } from "./address.js";
import { quantiles } from "./columns.js";
import { useWidth } from "./parts.js";
import { number } from "./text.js";
import { channels, colour, inSequence, painted, sequence } from "./theme.js";

const STRIP = 22;
const GAP = 4;
const LEFT = 92; // as the grid of .heat-rows

export function HeatMap({ now, rows, side, label }) {
  const [element, width] = useWidth();
  const canvas = useRef(null);
  const [at, setAt] = useState(null);
  const widest = Math.max(...rows.map((row) => row.values.length));
  const inner = Math.max(100, width - LEFT);
  const height = rows.length * (STRIP + GAP);
  const ends = quantiles(rows.flatMap((row) => Array.from(row.values)), [0.02, 0.98]) || [0, 1];
  const version = painted.value;
  useEffect(() => draw(canvas.current, { rows, inner, height, widest, ends }), [rows, inner, version]);

  function neuronAt(event) {
    const box = canvas.current.getBoundingClientRect();
    const row = rows[Math.floor((event.clientY - box.top) / (STRIP + GAP))];
    const index = Math.floor(((event.clientX - box.left) / inner) * widest);
    return row && index >= 0 && index < row.values.length ? { row, index, x: event.clientX - box.left + LEFT, y: event.clientY - box.top } : null;
  }
  const addressOf = ({ row, index }) => `${row.site}.${row.layer}.${index}`;
  const stops = sequence();
  return html`<figure class="heat" ref=${element}>
    <div class="heat-rows"><div class="heat-labels" aria-hidden="true">${rows.map((row) => html`<span>${row.label}</span>`)}</div>
    <canvas ref=${canvas} role="img" aria-label=${`${label} of every neuron by layer and index; the table of neurons has the same numbers`} style=${{ width: `${inner}px`, height: `${height}px` }}
      onPointerMove=${(event) => setAt(neuronAt(event))} onPointerLeave=${() => setAt(null)}
      onClick=${(event) => neuronAt(event) && go(cardLink(now.n, addressOf(neuronAt(event)), side))}></canvas>
    ${at ? html`<div class="tip" style=${{ left: `${Math.min(at.x + 12, width - 170)}px`, top: `${at.y + 14}px` }}><span class="address">${addressOf(at)}</span> ${number(at.row.values[at.index])}</div>` : null}</div>
    <div class="ramp" aria-hidden="true"><span>${number(ends[0])}</span><span class="colours">${Array.from({ length: 40 }, (_, place) => html`<i style=${{ background: `rgb(${inSequence(stops, place / 39).join(" ")})` }}></i>`)}</span><span>${number(ends[1])}</span><span class="dim">grey: none</span></div>
  </figure>`;
}

function draw(canvas, { rows, inner, height, widest, ends }) {
  const dense = devicePixelRatio || 1;
  const wide = Math.round(inner * dense);
  const tall = Math.round(height * dense);
  canvas.width = wide;
  canvas.height = tall;
  const brush = canvas.getContext("2d");
  const stops = sequence();
  const none = channels(colour("line"));
  const strip = brush.createImageData(wide, 1);
  const [low, high] = ends;
  rows.forEach((row, place) => {
    strip.data.fill(0);
    for (let x = 0; x < wide; x++) {
      const from = Math.floor((x / wide) * widest);
      const to = Math.max(from + 1, Math.floor(((x + 1) / wide) * widest));
      if (from >= row.values.length) continue;
      let value = NaN; // of several neurons at a place the one farthest from the middle
      for (let index = from; index < Math.min(to, row.values.length); index++) {
        const each = row.values[index];
        if (Number.isFinite(each) && !(Math.abs(each - (low + high) / 2) <= Math.abs(value - (low + high) / 2))) value = each;
      }
      const [red, green, blue] = Number.isFinite(value) ? inSequence(stops, (value - low) / (high - low || 1)) : none;
      strip.data.set([red, green, blue, 255], 4 * x);
    }
    const top = Math.round(place * (STRIP + GAP) * dense);
    for (let y = 0; y < Math.round(STRIP * dense); y++) brush.putImageData(strip, 0, top + y);
  });
}
