// How far to believe a description, in words that need no statistics: fidelity, random weights, what setting it does.
import { html } from "../vendor.js";
import { Make } from "./parts.js";
import { count, cut, isNumber, number, percent } from "./text.js";

const high = { top: "high", bottom: "low" };

export function Fidelity({ found, side, run }) {
  if (!found) return html`<${Make} run=${run} stage="fidelity">Not measured in this run; it is done on sentences that no description was made from.<//>`;
  if (found.refused) return html`<p>No score: ${found.refused} (of ${count(found.n_sentences)} held-out sentences).</p>`;
  const rows = [
    { label: "this description", value: found.auroc, low: found.low, high: found.high, own: true },
    { label: "its name alone", value: found.of_name && found.of_name.auroc },
    { label: "another neuron\u2019s description", value: found.other, control: true },
    { label: "the same neuron, random weights", value: found.random, control: true },
    { label: "against its most similar neuron", value: found.hard },
  ].filter((row) => isNumber(row.value));
  return html`<p>Take two sentences that the description was not made from: one that the neuron is ${high[side]} for, one that it is not.
      The description picks the right one in <strong>${percent(found.auroc)}</strong> of such pairs (${percent(found.low)} to ${percent(found.high)}); a coin does in 50\u2009%.${verdict(found)}</p>
    <${Pairs} rows=${rows} />
    <p class="note">From ${count(found.n_positives)} of ${count(found.n_sentences)} held-out sentences, of ${count(found.n_documents)} documents.
      Of those that it scores highest ${percent(found.average_precision)} are right (average precision; by chance ${percent(found.base_rate)}).</p>`;
}

function verdict(found) {
  if (isNumber(found.other) && found.low <= found.other) return " Another neuron\u2019s description does as well: do not rely on it.";
  if (isNumber(found.random) && found.auroc <= found.random) return " With random weights it is as high: that comes from the words, not from what was learned.";
  if (isNumber(found.hard) && found.hard < 0.55) return " It cannot tell the neuron from its most similar one.";
  return "";
}

// Shares of pairs on one scale, from a coin to always.
function Pairs({ rows, caption }) {
  const least = Math.min(0.4, ...rows.map((row) => Math.floor(10 * row.value) / 10));
  const place = (value) => `${Math.max(0, Math.min(100, (100 * (value - least)) / (1 - least)))}%`;
  return html`<table class="pairs"><caption class="hidden">${caption || "Share of pairs that are put in the right order"}</caption><tbody>
    ${rows.map((row) => html`<tr class=${row.control ? "control" : row.own ? "own" : ""}><th scope="row">${row.label}</th>
      <td class="rail" aria-hidden="true"><span class="coin" style=${{ left: place(0.5) }}></span>${isNumber(row.low) ? html`<span class="span" style=${{ left: place(row.low), right: `calc(100% - ${place(row.high)})` }}></span>` : null}<span class="dot" style=${{ left: place(row.value) }}></span></td>
      <td class="figure">${percent(row.value)}</td></tr>`)}
    <tr class="axis" aria-hidden="true"><th></th><td class="rail"><span style=${{ left: place(0.5) }}>coin</span><span style=${{ left: place(1) }}>always</span></td><td></td></tr>
  </tbody></table>`;
}

// Names that language models gave, each next to the automatic one: the same judge, the same sentences.
export function ModelNames({ found, run }) {
  if (!found || !found.length) return html`<${Make} run=${run} stage="name">No language model was asked for a name.<//>`;
  return found.map((each) => html`<p>${each.name ? html`<strong>${each.name}</strong>` : html`No name: ${each.failed}.`} <span class="dim">by ${each.model}${each.asked ? `, ${each.asked.slice(0, 10)}` : ""}</span></p>
    ${isNumber(each.score) ? html`<${Pairs} caption="How often the judge was right about sentences, by the name that it was given" rows=${[
      { label: "this name", value: each.score, low: each.low, high: each.high, own: true },
      { label: "the automatic name", value: each.automatic },
      { label: "another neuron\u2019s name", value: each.other, control: true },
    ].filter((row) => isNumber(row.value))} />
    <p class="note">${each.judge} was shown sentences that no name was made from, half of them the neuron\u2019s own, and chose those that fit a name: the mean share of right choices (balanced accuracy).</p>` : each.name ? html`<p class="note">Not judged.</p>` : null}`);
}

const WHAT = { embedding: "the sentence\u2019s embedding (cosine distance)", class: "the predicted classes (KL)" };
const VERDICTS = {
  "where it matches": "It acts, and where its description says.",
  anywhere: "It acts, but on other sentences as well.",
};

export function Cause({ found, run }) {
  if (!found) return html`<${Make} run=${run} stage="cause">Not tried: the neuron would be set while the model runs, and what that changes measured.<//>`;
  if (found.refused) return html`<p>Not tried: ${found.refused}.</p>`;
  const what = WHAT[found.outcome] || "what is predicted at its peak (KL)";
  const saying = VERDICTS[found.verdict] || (found.effect > found.effect_random ? "It does little more than others." : "It does no more than random neurons.");
  const rows = [
    ["this neuron, where its description matches", found.effect],
    ["random neurons of its layer, there", found.effect_random],
    ["this neuron, on control sentences", found.effect_controls],
  ].filter(([, value]) => isNumber(value));
  const most = Math.max(...rows.map(([, value]) => value), 1e-12);
  return html`<p><strong>${saying}</strong> The neuron was set while the model ran; this is how much that changed ${what}:</p>
    <table class="pairs"><tbody>${rows.map(([label, value], place) => html`<tr class=${place === 0 ? "own" : "control"}><th scope="row">${label}</th>
      <td class="amount" aria-hidden="true"><i style=${{ width: `${(100 * Math.max(0, value)) / most}%` }}></i></td><td class="figure">${number(value)}</td></tr>`)}</tbody></table>
    ${isNumber(found.q) ? html`<p class="note">Chance of so great a difference without one, corrected for all neurons tried (q): ${number(found.q)}${isNumber(found.loss) ? html`; the model\u2019s loss there changes by ${number(found.loss)} (random neurons: ${number(found.loss_random)})` : null}.</p>` : null}`;
}

export function Aligned({ found, run }) {
  if (!found) return html`<${Make} run=${run} stage="align">Not tried: phrases of its strongest sentences would be repeated, and the model run on them.<//>`;
  if (!found.phrases.length) return html`<p>No phrase of its sentences is text to the model.</p>`;
  const { selectivity, selectivity_random: chance } = found;
  return html`<p>${found.phrases.map((each, place) => html`${place ? ", " : ""}<q>${cut(each.phrase, 80)}</q> <span class="dim">${number(each.excess)}</span>`)}</p>
    <p class="note">Repeated to the length of a sentence: how far above random phrases as long, in standard deviations${isNumber(found.excess_random) ? ` (the best of as many random ones: ${number(found.excess_random)})` : ""}.${isNumber(selectivity) ? ` Selectivity on sentences that hold one: ${number(selectivity)}${isNumber(chance) ? ` (random phrases ${number(chance)})` : ""}.` : ""}</p>`;
}
