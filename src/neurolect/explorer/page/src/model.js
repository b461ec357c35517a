// The run as a whole: layers in small multiples, any number by layer and index, a map of all neurons.
import { html, useMemo } from "../vendor.js";
import { cardLink, change, here, link, ofRun, run } from "./address.js";
import { Facts } from "./blocks.js";
import { column, quantiles } from "./columns.js";
import { Boxes, Curves, SmallBars } from "./figures.js";
import { HeatMap } from "./heat_map.js";
import { NeuronMap } from "./neuron_map.js";
import { Failure, Notices, Section, Select, Side, Waiting, usePromise } from "./parts.js";
import { get } from "./source.js";
import { count, cut, layerName, percent, plural } from "./text.js";

export function Model() {
  const now = run.value;
  const found = usePromise(() => get("overview", now.n), [now]);
  return html`<div class="page-head"><h1 tabindex="-1">${cut(now.model.name, 120)}</h1><p class="dim">${now.model.architecture}, ${count(now.n_neurons)} neurons over ${count(now.corpus.n_mining)} sentences</p></div>
    <${Notices} lines=${now.notices} />
    <${Facts} facts=${now.facts.filter(([label]) => !["Model", "Neurons"].includes(label))} />
    ${found.error ? html`<${Failure} error=${found.error} />` : found.value ? html`<${Notices} lines=${found.value.notices} /><${Overview} now=${now} found=${found.value} />` : html`<${Waiting} what="Counting" />`}
    <${OfNumbers} now=${now} random=${found.value && found.value.layers} />
    <${Section} id="map" title="All neurons on a map" note=${`${now.maps && now.maps.length ? "Neurons that are near each other are alike." : "In their order, layer by layer: neurolect relate RUN puts those next to each other that are alike."} Drag to move, turn the wheel to come nearer, click to open; draw around some to list them.`}>
      <${NeuronMap} now=${now} /><//>
    ${found.value ? html`<${Convergence} found=${found.value.convergence} /><${Domains} found=${found.value.domains} />` : null}`;
}

const isSingle = (now) => new Set(now.sites.map((each) => each.site)).size === 1;

function Overview({ now, found }) {
  const single = isSingle(now);
  const layers = found.layers.map((each) => layerName(each.site, each.layer, single));
  const totals = found.kinds.map((kind) => [kind, found.layers.reduce((sum, each) => sum + (each.kinds[kind] || 0), 0)]).filter(([, n]) => n);
  totals.sort((a, b) => b[1] - a[1]);
  const all = totals.reduce((sum, [, n]) => sum + n, 0);
  return html`${found.striking && found.striking.length ? html`<${Section} id="striking" title="Neurons to start with" note="The strongest evidence of each kind in the whole run.">
      <ul class="tiles">${found.striking.map((each) => html`<${Tile} now=${now} each=${each} />`)}</ul><//>` : null}
    <${Section} id="kinds" title="What the names are of, layer by layer" brief=${totals.slice(0, 4).map(([kind, n]) => `${kind} ${percent(n / all)}`).join(", ")} note=${`Each bar is a layer, from ${layers[0]} to ${layers[layers.length - 1]}: the share of its names that are of the kind. Each chart has its own scale.`}>
      <ul class="charts">${totals.map(([kind, n]) => {
        const shares = found.layers.map((each) => (each.kinds[kind] || 0) / Math.max(1, Object.values(each.kinds).reduce((sum, some) => sum + some, 0)));
        const titles = shares.map((share, at) => `${layers[at]}: ${count(found.layers[at].kinds[kind] || 0)} (${percent(share)})`);
        return html`<li><a href=${link(["neurons"], { ...ofRun(now.n), f: `kind:${kind}` })}><span class="label">${kind} <span class="dim">${percent(n / all)}</span></span>
          <${SmallBars} values=${shares} titles=${titles} label=${`${kind}: ${titles.join("; ")}`} /><span class="dim small-note">highest ${percent(Math.max(...shares))}</span></a></li>`;
      })}</ul><//>
    ${found.layers.some((each) => each.fidelity) ? html`<${Section} id="fidelity" title="How well descriptions predict, layer by layer" brief="Area under the curve on held-out sentences, by layer."
        note="Area under the curve on held-out sentences: 0.5 is a coin, 1 always right. Boxes: half of the lists; lines: nine tenths of them. Grey: the same neurons with random weights, where they were measured.">
      <${Boxes} label="fidelity" lines=${[{ x: 0.5, label: "a coin" }]} rows=${found.layers.map((each, at) => ({ label: layers[at], boxes: [each.fidelity && { quantiles: each.fidelity.quantiles, title: layers[at] }, each.random && { quantiles: each.random.quantiles, style: "second", title: `${layers[at]}, random weights` }].filter(Boolean).map((box) => ({ style: "", ...box })) })).filter((row) => row.boxes.length)} /><//>` : null}`;
}

function Tile({ now, each }) {
  const words = (each.words || []).map((word) => word.toLowerCase());
  return html`<li class=${`side ${each.side}`}><a href=${cardLink(now.n, each.address, each.side)}><span class="kind">${each.kind}</span><strong>${cut(each.evidence, 80)}</strong>
    <q class="sentence">${marked(cut(each.text, 200), words)}</q><span class="dim"><${Side} side=${each.side} /> <span class="address">${each.address}</span></span></a></li>`;
}

function marked(text, words) {
  if (!words.length) return text;
  return text.split(/([\p{L}\p{N}'\u2019]+)/u).map((piece) => (words.includes(piece.toLowerCase()) ? html`<mark>${piece}</mark>` : piece));
}

// One number, looked at in three ways; the address says which.
function OfNumbers({ now }) {
  const numbers = now.columns.filter((each) => each.type === "number" && !["layer", "index"].includes(each.name));
  const { query } = here.value;
  const name = numbers.some((each) => each.name === query.get("number")) ? query.get("number") : (numbers.find((each) => each.default) || numbers[0] || {}).name;
  const side = now.sides.includes(query.get("side")) ? query.get("side") : now.sides[0];
  const found = usePromise(() => (name ? column(now, name) : null), [now, name]);
  if (!name) return null;
  const about = numbers.find((each) => each.name === name);
  return html`<${Section} id="numbers" title="Any number by layer and index" brief=${`${count(numbers.length)} numbers: as a heat map, and as boxes.`} aside=${html`<div class="spread">
      <${Select} label="Number" hideLabel value=${name} options=${numbers.map((each) => [each.name, each.label])} onChange=${(value) => change({ number: value }, { replace: true })} />
      ${now.sides.length > 1 ? html`<${Select} label="List" hideLabel value=${side} options=${[["top", "\u25b2 highest"], ["bottom", "\u25bc lowest"]]} onChange=${(value) => change({ side: value }, { replace: true })} />` : null}</div>`}>
    ${found.error ? html`<${Failure} error=${found.error} />` : found.value ? html`<${Shown} now=${now} values=${found.value.values} about=${about} side=${side} />` : html`<${Waiting} />`}<//>`;
}

function Shown({ now, values, about, side }) {
  const rows = useMemo(() => {
    const n_sides = now.sides.length;
    const single = isSingle(now);
    const place = now.sides.indexOf(side);
    let first = 0;
    return now.sites.map(({ site, layer, width }) => {
      const own = new Float64Array(width);
      for (let at = 0; at < width; at++) own[at] = values[(first + at) * n_sides + place];
      first += width;
      return { site, layer, label: layerName(site, layer, single), values: own };
    });
  }, [now, values, side]);
  const boxes = useMemo(() => rows.map((row) => ({ label: row.label, quantiles: quantiles(row.values, [0.05, 0.25, 0.5, 0.75, 0.95]) })).filter((row) => row.quantiles), [rows]);
  if (!boxes.length) return html`<p class="note">No ${side} list has it.</p>`;
  return html`<p class="note">${about.label}. Each strip is a layer, each place in it a neuron; click one to open it.</p>
    <${HeatMap} now=${now} rows=${rows} side=${side} label=${about.label} />
    <${Boxes} label=${about.label} rows=${boxes.map((row) => ({ label: row.label, boxes: [{ quantiles: row.quantiles, style: "", title: row.label }] }))} />`;
}

const N_LOOKS = 3; // fewer make no line

// How much of the lists changed while the run was collected, next to what chance gives.
function Convergence({ found }) {
  if (!found || !found.steps || !found.steps.length) return null;
  const { steps, ending } = found;
  const x = steps.map((step) => step.n_sentences);
  const curve = (label, name, is_control = false) => ({ label, x, y: steps.map((step) => step[name]), is_control });
  const panels = [
    { title: "New in the lists since the look before", curves: [curve("top lists", "churn_top"), ...("churn_bottom" in steps[0] ? [curve("bottom lists", "churn_bottom")] : []), curve("by chance", "expected_churn", true)] },
    { title: "Kept while the sentences read double", curves: [curve("evidence kept, mean", "stability"), curve("neurons settled", "share_settled")] },
  ];
  if (found.reach) panels.push({ title: "Last sentence of a list, deviations from the mean", curves: Object.entries(found.reach).map(([side, y]) => ({ label: `${side} lists`, x, y, is_control: false })) });
  const settled = ending && ending.share_settled !== null ? `${percent(ending.share_settled)} of the neurons had settled at the end: their lists kept ${percent(ending.stable)} of their evidence while the sentences read doubled.` : "";
  return html`<${Section} id="convergence" title="Had the lists settled?" brief=${settled} note=${settled}>
    ${steps.length < N_LOOKS ? null : html`<div class="columns">${panels.map((panel) => html`<div><h3>${panel.title}</h3><${Curves} block=${{ ...panel, x_label: "sentences read", from_zero: true }} /></div>`)}</div>`}<//>`;
}

function Domains({ found }) {
  if (!found || !found.rows || !found.rows.length) return null;
  return html`<${Section} id="domains" title="The corpus by domain" brief=${plural(found.rows.length, "value")}><div class="scroll" tabindex="0" role="group" aria-label="The corpus by domain"><table class="plain"><thead><tr><th scope="col" class="head">field and value</th>${found.heads.map((head) => html`<th scope="col" class="head numeric">${head}</th>`)}</tr></thead>
    <tbody>${found.rows.map((row, at) => html`${at && row.field !== found.rows[at - 1].field ? html`<tr><th scope="rowgroup" class="head" colspan=${found.heads.length + 1}>by ${row.field}</th></tr>` : null}<tr><th scope="row">${cut(row.label, 80)}</th>${row.figures.map((figure) => html`<td class="numeric">${figure}</td>`)}</tr>`)}</tbody></table></div><//>`;
}
