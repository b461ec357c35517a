// Which neurons respond to something: a word, a pattern, a tag, a regular expression, a field.
import { html, useState } from "../vendor.js";
import { cardLink, go, here, link, ofRun, run } from "./address.js";
import { column, addressOf, sideOf } from "./columns.js";
import { matching } from "./filters.js";
import { Empty, Failure, Side, Waiting, isNarrow, usePromise } from "./parts.js";
import { ask, isStatic } from "./source.js";
import { cut, isNumber, number, percent, plural } from "./text.js";

const N_ANSWERS = 20; // how many `serve` gives
const FIELDS = [
  ["word", "Word or phrase", "pasta", "neurons whose sentences have it more often than the corpus"],
  ["pattern", "Pattern", "salt * <NN>", "words and <TAGS> in order; * skips a few words"],
  ["tag", "Part of speech", "VBD", "a Penn tag"],
  ["regex", "Regular expression", "colou?r", "matched in the kept sentences, in linear time"],
  ["where", "Field", "domain=recipe", "metadata, as name=value"],
  ["has", "Evidence has", "words=because", "kind=label: words, phrases, tags, tag_patterns, form, writes \u2026"],
];

export function Ask() {
  const now = run.value;
  const { query } = here.value;
  const given = Object.fromEntries([...FIELDS.map(([name]) => name), "side"].map((name) => [name, query.get(name) || ""]).filter(([, value]) => value));
  const [isWhole, setWhole] = useState(false); // on a narrow screen, which begins with a word and what was asked
  const isAsked = FIELDS.some(([name]) => given[name]);
  const submit = (event) => {
    event.preventDefault();
    const form = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()]));
    go(link(["ask"], { ...ofRun(now.n), ...form }));
  };
  const isShort = isNarrow.value && !isWhole && !isStatic;
  const shown = isStatic || isShort ? FIELDS.filter(([name]) => name === "word" || (given[name] && !isStatic)) : FIELDS;
  return html`<div class="page-head"><h1 tabindex="-1">Ask</h1><p class="dim">Which neurons respond to \u2026?</p></div>
    <form class="ask" onSubmit=${submit} key=${JSON.stringify(given)}>
      ${shown.map(([name, label, example, help]) => html`<label class="field"><span>${label}</span><input name=${name} defaultValue=${given[name] || ""} value=${given[name] || ""} placeholder=${example} autocomplete="off" spellcheck="false" maxlength="500" aria-describedby=${`help-${name}`} /><small id=${`help-${name}`} class="dim">${isStatic ? "looked for in names, leading words and what neurons write" : help}</small></label>`)}
      ${now.sides.length > 1 && !isStatic && (!isShort || given.side) ? html`<label class="field"><span>List</span><select name="side">${[["", "both"], ["top", "\u25b2 highest"], ["bottom", "\u25bc lowest"]].map(([value, text]) => html`<option value=${value} selected=${value === (given.side || "")}>${text}</option>`)}</select></label>` : null}
      <button type="submit" class="strong">Ask</button>${isShort ? html` <button type="button" onClick=${() => setWhole(true)}>Other ways to ask</button>` : null}</form>
    ${isStatic ? html`<p class="note">These pages were written to a folder: patterns, tags, regular expressions and fields need the run itself: <code class="command">neurolect serve RUN</code></p>` : null}
    ${isAsked ? html`<${Answer} key=${JSON.stringify(given)} now=${now} given=${given} />` : html`<${Empty} title="Nothing asked yet.">Try a word of the corpus; several conditions together have to hold for the same sentences.<//>`}`;
}

function Answer({ now, given }) {
  const found = usePromise(() => (isStatic ? fromColumns(now, given.word) : ask(now.n, given)), [now]);
  if (found.error) return html`<${Failure} error=${found.error} />`;
  if (!found.value) return html`<${Waiting} what="Looking" />`;
  const { rows, note, n } = found.value;
  const isOfWords = /^[^\s*]+$/.test(given.tag || "") && !FIELDS.some(([name]) => name !== "tag" && given[name]); // one tag alone is counted by words
  if (!rows.length) return html`<${Empty} title="No neuron.">${note || "None has it more often than the corpus does."}<//>`;
  return html`<section aria-labelledby="answer"><h2 id="answer"><span role="status">${n > rows.length ? `The first ${rows.length} of ${plural(n, "list")}` : !n && rows.length === N_ANSWERS ? `The ${N_ANSWERS} strongest lists` : plural(rows.length, "list")}</span></h2>${note ? html`<p class="note">${note}</p>` : null}
    <ul class="answers">${rows.map((row) => html`<li class=${`side ${row.side}`}><a href=${cardLink(now.n, row.address, row.side)}><${Side} side=${row.side} /><span class="address">${row.address}</span></a>
      <div><strong>${cut(row.name || "no clear theme", 120)}</strong>${row.example ? html`<p class="sentence">${cut(row.example, 260)}</p>` : null}</div>
      <div class="dim numbers">${[!isNumber(row.share_list) && row.evidence && cut(row.evidence, 80), isNumber(row.share_list) && `${percent(row.share_list)} of ${isOfWords ? "the words of " : ""}its list, ${percent(row.share_background)} of ${isOfWords ? "those of " : ""}the corpus`, isNumber(row.lift) && `${number(row.lift)}\u00d7`, isNumber(row.z) && `z ${number(row.z)}`, !isNumber(row.share_list) && isNumber(row.score) && `score ${number(row.score)}`].filter(Boolean).map((each) => html`<span>${each}</span>`)}</div></li>`)}</ul></section>`;
}

async function fromColumns(now, word) {
  const rows = await matching(now, word, []);
  const [names, typical, z] = await Promise.all(["name", "typical", "name_z"].map((name) => column(now, name).catch(() => null)));
  const order = z ? [...rows].sort((a, b) => (z.values[b] || 0) - (z.values[a] || 0)) : [...rows];
  return { note: "Lists whose name, leading words or strongest sentence hold it, those of the strongest names first.", n: order.length, rows: order.slice(0, 50).map((row) => ({ address: addressOf(now, row), side: sideOf(now, row), name: names && names.values[row], example: typical && typical.values[row] })) };
}
