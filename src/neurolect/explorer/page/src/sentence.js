// Type a sentence: its strongest neurons per layer; change a word and see what changed; set a neuron and see the output.
import { html, useState } from "../vendor.js";
import { cardLink, go, here, link, ofRun, run } from "./address.js";
import { Empty, Failure, Waiting, usePromise } from "./parts.js";
import { askModel, start } from "./source.js";
import { cut, isNumber, layerName, number } from "./text.js";

const MAX_LENGTH = 2000;
const LEAST_CHANGE = 0.5;

export function Sentence() {
  const now = run.value;
  const { query } = here.value;
  const [text, other, edits] = ["text", "other", "change"].map((name) => query.get(name) || "");
  if (!start.value.model) return html`<h1 tabindex="-1">Type a sentence</h1><${Empty} title="No model is loaded.">${start.value.live ? "" : "These pages are files. "}Start with one to read sentences of your own: neurolect serve RUN --model MODEL<//>`;
  const submit = (event) => {
    event.preventDefault();
    const form = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()]));
    go(link(["sentence"], { ...ofRun(now.n), ...form }));
  };
  return html`<div class="page-head"><h1 tabindex="-1">Type a sentence</h1><p class="dim">What the model\u2019s neurons do with it, next to what they do on the corpus</p></div>
    <form class="sentence-form" onSubmit=${submit} key=${`${text}/${other}/${edits}`}>
      <label class="field"><span>Sentence</span><textarea name="text" maxlength=${MAX_LENGTH} required>${text}</textarea></label>
      <label class="field"><span>The same with a word changed (optional)</span><textarea name="other" maxlength=${MAX_LENGTH}>${other}</textarea></label>
      <label class="field"><span>Set a neuron (optional): address=value</span><input name="change" value=${edits} placeholder="hidden.3.5=0" autocomplete="off" spellcheck="false" maxlength="200" /></label>
      <button type="submit" class="strong">Read</button></form>
    ${text ? html`${edits ? html`<${Edited} key=${`${text}/${edits}`} now=${now} text=${text} change=${edits} />` : null}<${Read} key=${`${text}/${other}`} now=${now} text=${text} other=${other} />` : html`<${Empty} title="Nothing typed yet.">Any sentence of up to ${MAX_LENGTH} characters; nothing leaves this machine.<//>`}`;
}

function Read({ now, text, other }) {
  const found = usePromise(async () => {
    const first = await askModel("sentence", { run: now.n, text });
    return { first, second: other ? await askModel("sentence", { run: now.n, text: other }) : null };
  }, []);
  if (found.error) return html`<${Failure} error=${found.error} />`;
  if (!found.value) return html`<${Waiting} what="The model reads" />`;
  const { first, second } = found.value;
  return html`${second ? html`<${Changed} now=${now} first=${first} second=${second} />` : null}<${Layers} now=${now} found=${first} text=${text} />`;
}

function Layers({ now, found, text }) {
  const [chosen, setChosen] = useState(null);
  const values = usePromise(() => (chosen ? askModel("neuron", { run: now.n, text, address: chosen.address }) : null), [chosen && chosen.address]);
  const single = new Set(found.layers.map((each) => each.site)).size === 1;
  const most = Math.max(...found.layers.flatMap((layer) => layer.neurons.map((each) => Math.abs(each.z || 0))), 1);
  return html`<section aria-labelledby="strongest"><h2 id="strongest">Farthest from their usual range, layer by layer</h2>
    <p class="note">z: standard deviations from the neuron\u2019s mean over the corpus. Choose one to see at which words.</p>
    <p class="token-line" role="status">${values.error ? values.error.message : values.value ? html`<${Tokens} found=${values.value} value=${chosen.value} />` : found.tokens.map((token, at) => html`<span class=${chosen && chosen.token === at ? "token at" : "token"}>${token}</span>`)}</p>
    <div class="layers">${found.layers.map((layer) => html`<div><h3>${layerName(layer.site, layer.layer, single)}</h3><ol class="plain-list">${layer.neurons.map((each) => html`<li class=${`side ${each.z < 0 ? "bottom" : "top"}`}>
      <button type="button" class="plain-button" aria-pressed=${String(Boolean(chosen) && chosen.address === each.address)} onClick=${() => setChosen(each)}><span class="address">${each.address}</span> <span class="z">${isNumber(each.z) ? `z ${number(each.z)}` : number(each.value)}</span>
        <span class="track" aria-hidden="true"><i style=${{ width: `${(100 * Math.abs(each.z || 0)) / most}%` }}></i></span></button>
      <span class="dim">${cut(each.name || "", 60)}${isNumber(each.token) && found.tokens[each.token] ? html` at \u201c${cut(found.tokens[each.token].trim(), 30)}\u201d` : null} <a href=${cardLink(now.n, each.address, each.z < 0 ? "bottom" : "top")}>open<span class="hidden"> ${each.address}</span></a></span></li>`)}</ol></div>`)}</div></section>`;
}

function Tokens({ found, value }) {
  const { tokens, values } = found;
  const sign = isNumber(value) && isNumber(found.low) && value < (found.low + found.high) / 2 ? -1 : 1;
  const finite = values.filter(isNumber).map((each) => sign * each);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return html`<span class=${sign < 0 ? "side bottom" : "side top"}>${tokens.map((token, at) => html`<span class="token shaded" title=${number(values[at])} style=${{ "--shade": isNumber(values[at]) ? ((sign * values[at] - low) / (high - low || 1)).toFixed(2) : "0" }}>${token}</span>`)}</span>`;
}

// Neurons that are among the strongest of one of the two, by how much they changed.
function Changed({ now, first, second }) {
  const byAddress = (found) => new Map(found.layers.flatMap((layer) => layer.neurons.map((each) => [each.address, each])));
  const [before, after] = [byAddress(first), byAddress(second)];
  const rows = [...new Set([...before.keys(), ...after.keys()])].map((address) => ({ address, before: before.get(address), after: after.get(address) }));
  const gone = rows.filter((row) => row.before && !row.after).slice(0, 12);
  const come = rows.filter((row) => !row.before && row.after).slice(0, 12);
  const both = rows.filter((row) => row.before && row.after).map((row) => ({ ...row, change: (row.after.z || 0) - (row.before.z || 0) })).filter((row) => Math.abs(row.change) >= LEAST_CHANGE).sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, 12);
  const line = (row) => html`<li><a class="address" href=${cardLink(now.n, row.address)}>${row.address}</a> <span class="value">${[row.before, row.after].map((each) => (each ? `z ${number(each.z)}` : "not among them")).join(" \u2192 ")}</span> <span class="dim">${cut((row.after || row.before).name || "", 50)}</span></li>`;
  return html`<section aria-labelledby="changed"><h2 id="changed">What the change of words changed</h2><div class="columns three">
    ${[["Among the strongest no longer", gone], ["Among the strongest now", come], ["Strong in both, by how much", both]].map(([title, some]) => html`<div><h3>${title}</h3>${some.length ? html`<ul class="plain-list">${some.map(line)}</ul>` : html`<p class="note">none</p>`}</div>`)}</div></section>`;
}

function Edited({ now, text, change }) {
  const found = usePromise(() => askModel("edit", { run: now.n, text, change }), []);
  if (found.error) return html`<${Failure} error=${found.error} />`;
  if (!found.value) return html`<${Waiting} what="The model runs twice" />`;
  const { what, rows = [], texts, change: amount, change_label: label } = found.value;
  const most = Math.max(...rows.flatMap((row) => [row.before || 0, row.after || 0]), 1e-9);
  return html`<section aria-labelledby="edited"><h2 id="edited">With ${change}</h2><p>${what}</p>${isNumber(amount) ? html`<p><strong>${label}: ${number(amount)}</strong></p>` : null}
    ${rows.length ? html`<div class="scroll" tabindex="0" role="group" aria-label="Output before and after"><table class="plain"><thead><tr><th scope="col">output</th><th scope="col" class="numeric">before</th><th scope="col" class="numeric">after</th><th scope="col">before and after</th></tr></thead><tbody>
      ${rows.map((row) => html`<tr><td><code>${cut(row.label, 60)}</code></td><td class="numeric">${number(row.before)}</td><td class="numeric">${number(row.after)}</td><td class="two side bottom"><span class="track" aria-hidden="true"><i style=${{ width: `${(100 * (row.before || 0)) / most}%` }}></i></span><span class="track side top" aria-hidden="true"><i style=${{ width: `${(100 * (row.after || 0)) / most}%` }}></i></span></td></tr>`)}</tbody></table></div>` : null}
    ${texts ? html`<dl class="facts two-texts"><div><dt>before</dt><dd class="sentence">${cut(texts.before, 2000)}</dd></div><div><dt>after</dt><dd class="sentence">${cut(texts.after, 2000)}</dd></div></dl>` : null}</section>`;
}
