// Drawings in SVG, by hand: histogram, curves, boxes, bars, stacks.
import { html } from "../vendor.js";
import { useWidth } from "./parts.js";
import { count, isNumber, number } from "./text.js";

export function Histogram({ histogram, lists = [], height = 110 }) {
  const [element, width] = useWidth();
  const { low, width: step, counts } = histogram;
  const seen = counts.map((n, at) => (n ? at : -1)).filter((at) => at >= 0);
  if (!seen.length) return html`<p class="note">No finite activation.</p>`;
  const [first, last] = [seen[0], seen[seen.length - 1]];
  const most = Math.max(...counts);
  const bar = width / (last - first + 1);
  const x = (value) => ((value - low) / step - first) * bar;
  const threshold = (side) => (lists.find((each) => each.side === side) || {}).threshold;
  const of = (at) => {
    const [from, to] = [low + at * step, low + (at + 1) * step];
    if (isNumber(threshold("top")) && to > threshold("top")) return "top";
    return isNumber(threshold("bottom")) && from < threshold("bottom") ? "bottom" : "rest";
  };
  const said = lists.filter((each) => isNumber(each.threshold)).map((each) => `${each.side} list ${each.side === "top" ? "from" : "up to"} ${number(each.threshold)}`);
  return html`<figure class="histogram" ref=${element}>
    <svg width=${width} height=${height + 20} viewBox=${`0 0 ${width} ${height + 20}`} role="img" aria-label=${`Histogram of activations from ${number(low + first * step)} to ${number(low + (last + 1) * step)}; ${said.join(", ")}`}>
      ${counts.slice(first, last + 1).map((n, at) => {
        const tall = n ? Math.max(1, height * Math.sqrt(n / most)) : 0;
        return html`<rect class=${of(first + at)} x=${at * bar} y=${height - tall} width=${Math.max(0.5, bar - (bar > 3 ? 1 : 0))} height=${tall}><title>${count(n)} sentences from ${number(low + (first + at) * step)} to ${number(low + (first + at + 1) * step)}</title></rect>`;
      })}
      <line class="axis" x1="0" x2=${width} y1=${height + 0.5} y2=${height + 0.5} />
      ${lists.filter((each) => isNumber(each.threshold)).map((each) => html`<line class=${`cut ${each.side}`} x1=${x(each.threshold)} x2=${x(each.threshold)} y1="0" y2=${height} />`)}
      <text x="0" y=${height + 15}>${number(low + first * step)}</text><text x=${width} y=${height + 15} text-anchor="end">${number(low + (last + 1) * step)}</text>
    </svg></figure>`;
}

// Steps of an axis: round numbers.
export function ticks(low, high, n = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * power >= raw) * power;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  return found;
}

const STYLES = 8;

export function Curves({ block }) {
  const [element, width] = useWidth();
  const narrow = width < 460;
  const [left, right, top, height] = [48, 12, 10, narrow ? 220 : 280];
  const inner = width - left - right;
  const scaleX = block.log_x ? (value) => Math.log10(Math.max(value, 1e-12)) : (value) => value;
  const curves = block.curves.map((curve) => ({ ...curve, points: curve.x.map((x, at) => [scaleX(x), curve.y[at], at]).filter(([x, y]) => Number.isFinite(x) && isNumber(y)) }));
  const xs = curves.flatMap((curve) => curve.points.map(([x]) => x));
  const ys = [...curves.flatMap((curve) => [...curve.y, ...(curve.low || []), ...(curve.high || [])]), ...(block.lines || []).map((each) => each.y)].filter(isNumber);
  if (!xs.length) return html`<p class="note">Nothing to draw.</p>`;
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const least = block.from_zero ? Math.min(0, ...ys) : Math.min(...ys);
  const yTicks = ticks(least, Math.max(...ys));
  const y0 = Math.min(least, yTicks[0]);
  const y1 = Math.max(...ys);
  const px = (x) => left + ((x - x0) / (x1 - x0 || 1)) * inner;
  const py = (y) => top + height - ((y - y0) / (y1 - y0 || 1)) * height;
  const whole = block.log_x ? Array.from({ length: Math.floor(x1 + 1e-9) - Math.ceil(x0 - 1e-9) + 1 }, (_, at) => Math.ceil(x0 - 1e-9) + at) : ticks(x0, x1, narrow ? 4 : 7);
  let style = 0;
  const styled = curves.map((curve) => ({ ...curve, style: curve.is_control ? "control" : `curve-${style++ % STYLES}` }));
  return html`<figure ref=${element} class="curves">
    ${block.y_label ? html`<figcaption>${block.y_label}</figcaption>` : null}
    <ul class="key" aria-hidden="true">${styled.map((curve) => html`<li class=${curve.style}>${curve.label}</li>`)}${(block.lines || []).map((each) => html`<li class="control">${each.label}</li>`)}</ul>
    <svg width=${width} height=${top + height + 40} viewBox=${`0 0 ${width} ${top + height + 40}`} role="img" aria-label=${`${block.title}: ${styled.map((curve) => `${curve.label} from ${number(curve.y[0])} to ${number(curve.y[curve.y.length - 1])}`).join("; ")}`}>
      ${yTicks.map((value) => html`<g><line class="grid-line" x1=${left} x2=${width - right} y1=${py(value)} y2=${py(value)} /><text x=${left - 6} y=${py(value) + 4} text-anchor="end">${number(value)}</text></g>`)}
      ${whole.map((value) => html`<text x=${px(value)} y=${top + height + 16} text-anchor="middle">${number(block.log_x ? 10 ** value : value)}</text>`)}
      <text x=${left + inner / 2} y=${top + height + 34} text-anchor="middle">${block.x_label || ""}</text>
      ${(block.lines || []).map((each) => html`<line class="curve control" x1=${left} x2=${width - right} y1=${py(each.y)} y2=${py(each.y)} />`)}
      ${styled.map((curve) => html`<g class=${curve.style}>
        ${curve.low && curve.high ? html`<path class="band" d=${band(curve, px, py)} />` : null}
        <path class="curve" d=${curve.points.map(([x, y], at) => `${at ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("")} />
        ${curve.points.length <= 40 ? curve.points.map(([x, y]) => html`<circle cx=${px(x)} cy=${py(y)} r="2.6"><title>${curve.label}: ${number(y)} at ${number(block.log_x ? 10 ** x : x)}</title></circle>`) : null}</g>`)}
    </svg></figure>`;
}

function band({ points, low, high }, px, py) {
  const known = points.filter(([, , at]) => isNumber(low[at]) && isNumber(high[at]));
  if (!known.length) return "";
  const upper = known.map(([x, , at]) => `${px(x).toFixed(1)} ${py(high[at]).toFixed(1)}`);
  const lower = known.map(([x, , at]) => `${px(x).toFixed(1)} ${py(low[at]).toFixed(1)}`).reverse();
  return `M${upper.join("L")}L${lower.join("L")}Z`;
}

// rows: {label, boxes: [{five numbers, style}]}; boxes of a row are next to one another, on one scale.
export function Boxes({ rows, label, lines = [] }) {
  const [element, width] = useWidth();
  const numbers = [...rows.flatMap((row) => row.boxes.flatMap((box) => box.quantiles)), ...lines.map((each) => each.x)].filter(isNumber);
  if (!numbers.length) return html`<p class="note">No neuron has it.</p>`;
  const left = Math.min(110, width * 0.25);
  const inner = width - left - 14;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const x = (value) => left + ((value - low) / (high - low || 1)) * inner;
  const thick = 11;
  const heights = rows.map((row) => Math.max(1, row.boxes.length) * (thick + 3) + 8);
  const bottom = heights.reduce((sum, each) => sum + each, 0);
  let y = 0;
  return html`<figure class="boxes" ref=${element}><svg width=${width} height=${bottom + 22} viewBox=${`0 0 ${width} ${bottom + 22}`} role="img" aria-label=${`${label} by layer: ${rows.map((row) => `${row.label} median ${row.boxes.map((box) => number(box.quantiles[2])).join(" and ")}`).join("; ")}`}>
    ${ticks(low, high).map((value) => html`<g><line class="grid-line" x1=${x(value)} x2=${x(value)} y1="0" y2=${bottom} /><text x=${x(value)} y=${bottom + 15} text-anchor="middle">${number(value)}</text></g>`)}
    ${lines.map((each) => html`<line class="curve control" x1=${x(each.x)} x2=${x(each.x)} y1="0" y2=${bottom}><title>${each.label}</title></line>`)}
    ${rows.map((row, at) => {
      const from = y;
      y += heights[at];
      return html`<g><text class="label" x=${left - 8} y=${from + heights[at] / 2 + 4} text-anchor="end">${row.label}</text>
        ${row.boxes.map(({ quantiles: [p5, p25, p50, p75, p95], style, title }, place) => {
          const top = from + 4 + place * (thick + 3);
          return html`<g class=${`box ${style}`}><title>${title || row.label}: median ${number(p50)}, half from ${number(p25)} to ${number(p75)}, nine tenths from ${number(p5)} to ${number(p95)}</title>
            <line x1=${x(p5)} x2=${x(p95)} y1=${top + thick / 2} y2=${top + thick / 2} /><rect x=${x(p25)} y=${top} width=${Math.max(1, x(p75) - x(p25))} height=${thick} rx="2" /><line class="median" x1=${x(p50)} x2=${x(p50)} y1=${top} y2=${top + thick} /></g>`;
        })}</g>`;
    })}</svg></figure>`;
}

// One small chart: a bar for each layer.
export function SmallBars({ values, titles, height = 48, label }) {
  const most = Math.max(...values, 1e-9);
  const step = 100 / Math.max(values.length, 1);
  return html`<svg class="small-bars" viewBox=${`0 0 100 ${height}`} preserveAspectRatio="none" role="img" aria-label=${label}>
    ${values.map((value, at) => html`<rect x=${at * step + step * 0.08} y=${height - (height * value) / most} width=${step * 0.84} height=${(height * value) / most}><title>${titles[at]}</title></rect>`)}</svg>`;
}
