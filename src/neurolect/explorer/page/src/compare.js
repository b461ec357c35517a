// Runs or models next to one another: what a comparison found, and any number of two open runs.
import { html } from "../vendor.js";
import { change, here, run } from "./address.js";
import { column, quantiles } from "./columns.js";
import { Boxes } from "./figures.js";
import { Pairs } from "./pairs.js";
import { Empty, Failure, Section, Select, Waiting, usePromise } from "./parts.js";
import { Shown, Tabs } from "./rankings.js";
import { start } from "./source.js";
import { layerName } from "./text.js";

export function Compare() {
  const { comparisons = [] } = start.value;
  const runs = start.value.runs.filter((each) => !each.error);
  const all = comparisons.map((each) => ({ ...each, kind: "comparison" }));
  const [, kind, n] = here.value.path;
  const chosen = all.find((each) => each.kind === kind && String(each.n) === n) || all[0];
  return html`<div class="page-head"><h1 tabindex="-1">Compare</h1></div>
    ${!chosen && runs.length < 2 ? html`<${Empty} title="There is nothing to compare with.">Open a second run, or what compare wrote: neurolect compare RUN OTHER --out FOLDER, then neurolect serve RUN OTHER FOLDER<//>` : null}
    ${chosen ? html`<${Tabs} all=${all} chosen=${chosen} page="compare" /><${Shown} key=${chosen.n} parts=${["comparison", chosen.n]} chosen=${chosen} />` : null}
    ${runs.length > 1 ? html`<${TwoRuns} runs=${runs} />` : null}`;
}

function TwoRuns({ runs }) {
  const { query } = here.value;
  const first = runs.includes(run.value) ? run.value : runs[0];
  const second = runs.find((each) => String(each.n) === query.get("with") && each !== first) || runs.find((each) => each !== first);
  const shared = first.columns.filter((each) => each.type === "number" && !["layer", "index"].includes(each.name) && second.columns.some((other) => other.name === each.name));
  const name = shared.some((each) => each.name === query.get("number")) ? query.get("number") : (shared.find((each) => each.default) || shared[0] || {}).name;
  const side = query.get("side") === "bottom" && first.sides.includes("bottom") && second.sides.includes("bottom") ? "bottom" : "top";
  const found = usePromise(async () => (name ? Promise.all([first, second].map((each) => column(each, name))) : null), [first, second, name]);
  const options = runs.map((each) => [String(each.n), each.name]);
  return html`<${Section} id="two" title="Two runs, layer by layer" note="Blue: the first run. Grey: the second. Boxes: half of the lists; lines: nine tenths.">
    <div class="tools"><${Select} label="First run" value=${String(first.n)} options=${options} onChange=${(value) => change({ run: value })} /><${Select} label="Second run" value=${String(second.n)} options=${options.filter(([value]) => value !== String(first.n))} onChange=${(value) => change({ with: value })} />
      <${Select} label="Number" value=${name} options=${shared.map((each) => [each.name, each.label])} onChange=${(value) => change({ number: value })} /><${Select} label="List" value=${side} options=${[["top", "\u25b2 highest"], ["bottom", "\u25bc lowest"]]} onChange=${(value) => change({ side: value })} /></div>
    ${found.error ? html`<${Failure} error=${found.error} />` : !name ? html`<p class="note">They have no number in common.</p>` : found.value ? html`<${Both} runs=${[first, second]} values=${found.value} side=${side} label=${shared.find((each) => each.name === name).label} /><${Pairs} runs=${[first, second]} values=${found.value} side=${side} about=${shared.find((each) => each.name === name)} />` : html`<${Waiting} />`}<//>`;
}

function Both({ runs, values, side, label }) {
  const single = runs.every((each) => new Set(each.sites.map((site) => site.site)).size === 1);
  const rows = new Map();
  runs.forEach((each, which) => {
    let first = 0;
    const n_sides = each.sides.length;
    const place = each.sides.indexOf(side);
    for (const { site, layer, width } of each.sites) {
      const own = Float64Array.from({ length: width }, (_, at) => values[which].values[(first + at) * n_sides + place]);
      first += width;
      const found = quantiles(own, [0.05, 0.25, 0.5, 0.75, 0.95]);
      const key = `${site} ${layer}`;
      if (!rows.has(key)) rows.set(key, { label: layerName(site, layer, single), boxes: [] });
      if (found) rows.get(key).boxes.push({ quantiles: found, style: which ? "second" : "", title: `${each.name}, ${key}` });
    }
  });
  return html`<${Boxes} label=${label} rows=${[...rows.values()].filter((row) => row.boxes.length)} />`;
}
