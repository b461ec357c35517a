// One neuron: its sentences first, then what was counted in them, then how far to believe it.
import { html, useEffect, useState } from "../vendor.js";
import { cardLink, change, here, link, ofRun, run } from "./address.js";
import { Aligned, Cause, Fidelity, ModelNames } from "./belief.js";
import { CopyMenu } from "./copying.js";
import { Histogram } from "./figures.js";
import { Address, Bar, Choice, Failure, Make, Notices, Section, Side, Waiting, isNarrow, unfold, usePromise } from "./parts.js";
import { Sentences } from "./sentences.js";
import { get, neuronId } from "./source.js";
import { MARKS, SIDES, count, cut, isNumber, number, percent, plural } from "./text.js";

export function Card() {
  const now = run.value;
  const { path, query } = here.value;
  const address = path[2] || "";
  const [tries, setTries] = useState(0);
  const found = usePromise(async () => {
    neuronId(now, address);
    return get("card", now.n, address);
  }, [now, address, tries]);
  const card = found.value && found.value.address === address ? found.value : null;
  if (found.error) return html`<div class="page-head"><h1 tabindex="-1"><${Address}>${cut(address, 60)}<//></h1></div><${Failure} error=${found.error} again=${() => setTries(tries + 1)} />
    <p><a href=${link(["neurons"], { ...ofRun(now.n), q: address.split(".").slice(0, -1).join(".") })}>Look for it in the list</a></p>`;
  if (!card) return html`<div class="page-head"><h1 tabindex="-1"><${Address}>${cut(address, 60)}<//></h1></div><${Waiting} what="Reading the neuron" />`;
  const given = query.get("side");
  const chosen = given === "range" || card.sides.some((each) => each.side === given) ? given : card.sides[0].side;
  const choose = (side) => change({ side: side === card.sides[0].side ? "" : side }, { replace: true });
  // one side at a time where there is no room for both
  const one = { card: isNarrow.value ? { ...card, sides: card.sides.filter((each, at) => each.side === chosen || (chosen === "range" && at === 0)) } : card, which: html`<${WhichSide} card=${card} chosen=${chosen} onChoose=${choose} />` };
  return html`<article class="card">
    <${Head} now=${now} card=${card} />
    <${Jumps} card=${card} />
    <${Notices} lines=${card.stale} />
    ${card.broken ? html`<${Failure} error=${{ message: `Only its sentences are shown. ${card.broken.message}`, hint: card.broken.hint }} />` : null}
    <${Sentences} run=${now} card=${card} chosen=${chosen} onChoose=${choose} />
    ${card.broken ? null : html`<${Evidence} card=${one.card} which=${one.which} />`}
    ${card.broken ? null : html`<${Section} id="belief" title="How far to believe it" brief=${believed(one.card.sides)} aside=${one.which}><div class="columns">
      ${one.card.sides.map((side) => html`<div class=${`side ${side.side}`}><h3>${MARKS[side.side]} The description of its ${SIDES[side.side]} sentences</h3><${Fidelity} found=${side.fidelity} side=${side.side} run=${now} />
        <h4>Names by language models</h4><${ModelNames} found=${side.model_names} run=${now} />
        <h4>What setting the neuron does</h4><${Cause} found=${side.cause} run=${now} />
        <h4>Phrases that activate it when repeated</h4><${Aligned} found=${side.aligned} run=${now} /></div>`)}</div><//>`}
    <${Activation} card=${card} />
    ${card.broken ? null : html`<${Senses} card=${one.card} which=${one.which} /><${ReadsWrites} card=${card} now=${now} /><${Nearest} card=${card} now=${now} />`}
  </article>`;
}

function WhichSide({ card, chosen, onChoose }) {
  if (!isNarrow.value || card.sides.length < 2) return null;
  const now = card.sides.some((each) => each.side === chosen) ? chosen : card.sides[0].side;
  return html`<${Choice} label="Which sentences" value=${now} options=${card.sides.map(({ side }) => [side, `${MARKS[side]} ${SIDES[side]}`])} onChange=${onChoose} />`;
}

function believed(sides) {
  const found = sides.map((side) => side.fidelity).filter(Boolean);
  if (!found.length) return "Not measured in this run.";
  return found.map((each) => (each.refused ? `No score: ${each.refused}.` : `Right in ${percent(each.auroc)} of pairs of sentences; a coin in 50\u2009%.`)).join(" ");
}

// How many sentences hold a part of a name is said less loudly than the name.
const counted = (name) => name.split(/(\(\d+ of the strongest \d+\))/).map((each, at) => (at % 2 ? html`<span class="dim of">${each}</span>` : each));

function Head({ now, card }) {
  const site = now.sites.find((each) => each.site === card.site && each.layer === card.layer);
  const near = (step) => (card.index + step >= 0 && site && card.index + step < site.width ? `${card.site}.${card.layer}.${card.index + step}` : null);
  useEffect(() => {
    const turn = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
      const next = event.key === "n" ? near(1) : event.key === "p" ? near(-1) : null;
      if (next) location.hash = cardLink(now.n, next);
    };
    addEventListener("keydown", turn);
    return () => removeEventListener("keydown", turn);
  }, [card]);
  const where = card.layer ? `block ${card.layer} of ${card.model.n_layers}` : "embedding output";
  const { activation } = card;
  return html`<header class="card-head">
    <div><p class="dim">${cut(card.model.name, 80)} \u00b7 ${card.site}, ${where}, ${card.site.startsWith("latent.") ? "latent" : "dimension"} ${card.index}</p>
      <h1 tabindex="-1"><${Address}>${card.address}<//></h1>
      <dl class="names">${card.sides.map((side) => html`<div class=${side.side}><dt><${Side} side=${side.side} /><span class="dim">${SIDES[side.side]} for</span></dt><dd><strong>${side.name ? counted(cut(side.name, 200)) : "no clear theme"}</strong>
        ${side.name_held ? html`<span class="dim"> ${side.name_held.of_10} of its first 10 sentences, ${side.name_held.of_100} of ${side.n_sentences > 100 ? "its first 100" : `all ${side.n_sentences}`}</span>` : null}</dd></div>`)}</dl>
      ${!activation.n ? html`<p class="notice">Its activation was NaN or infinite on every sentence: its lists are empty.</p>` : activation.nearly_constant ? html`<p class="notice">Nearly constant: its activation varies too little for the model to use. Its lists are the first sentences among equals.</p>` : null}
    </div>
    <div class="actions"><nav aria-label="Neighbours in the layer">${[[-1, "previous", "\u2190"], [1, "next", "\u2192"]].map(([step, name, arrow]) =>
      near(step) ? html`<a class="button" href=${cardLink(now.n, near(step))} title=${`${name} neuron (${name[0]})`}><span aria-hidden="true">${arrow}</span><span class="hidden">${name} neuron</span></a>` : html`<span class="button off" aria-hidden="true">${arrow}</span>`)}</nav>
      <${CopyMenu} card=${card} run=${now} /></div>
  </header>`;
}

const PARTS = { sentences: "Sentences", evidence: "Evidence", belief: "Belief", activation: "Activation", senses: "Senses", writes: "Writes", nearest: "Nearest" };

// To the parts of a card, which is long on a narrow screen; the address is the neuron's, so these are no links.
function Jumps({ card }) {
  const jump = (id) => {
    unfold(id);
    requestAnimationFrame(() => {
      const heading = document.getElementById(id);
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      heading.scrollIntoView();
    });
  };
  const parts = Object.entries(PARTS).filter(([id]) => !card.broken || id === "sentences" || id === "activation");
  return html`<nav class="jumps" aria-label="Parts of the card"><ul>${parts.map(([id, name]) => html`<li><button type="button" onClick=${() => jump(id)}>${name}</button></li>`)}</ul></nav>`;
}

const TITLES = { words: "Words", phrases: "Phrases", tags: "Parts of speech", patterns: "Tag patterns", metadata: "Metadata", forms: "Forms", subtrees: "Subtrees", mixed: "Mixed patterns" };
const titleOf = (name, card) => (card.titles && card.titles[name]) || TITLES[name] || name.replace(/_/g, " ").replace(/^./, (first) => first.toUpperCase());

function blocksOf(side, card) {
  const blocks = [];
  for (const [name, rows] of Object.entries(side.evidence)) {
    if (Array.isArray(rows)) {
      if (rows.length) blocks.push([titleOf(name, card), rows]);
    } else {
      for (const [field, values] of Object.entries(rows)) if (values.length) blocks.push([field, values]);
    }
  }
  return blocks;
}

const N_ROWS = 4; // of a kind, unless all are wanted

// One scale for all bars of a card, so that they can be compared with one another.
function Evidence({ card, which }) {
  const [isWhole, setWhole] = useState(false);
  const all = card.sides.map((side) => blocksOf(side, card));
  const first = all.map((blocks) => blocks.slice(0, 3).map(([title, rows]) => `${title}: ${rows.slice(0, 3).map((row) => cut(row.label, 40)).join(", ")}`).join(" \u00b7 "));
  return html`<${Section} id="evidence" title="What is in these sentences more than elsewhere" brief=${cut(first.join(" \u00b7 "), 220) || "Nothing clearly."}
    note="Bars: share of the list\u2019s sentences that have it; the line: share of the whole corpus. One scale for all, from 0 to 100 %, by square roots so that small shares can be seen. Faint: may be chance."
    aside=${html`<div class="spread">${which}<button type="button" aria-pressed=${String(isWhole)} onClick=${() => setWhole(!isWhole)}>${isWhole ? "Fewer" : "All evidence"}</button></div>`}>
    <div class="columns">${card.sides.map((side, at) => html`<div class=${`side ${side.side}`}><h3>${MARKS[side.side]} ${plural(side.n_sentences, "sentence")} it is ${SIDES[side.side]} for</h3>
      ${all[at].length ? all[at].map(([title, rows]) => html`<${Rows} title=${title} rows=${isWhole ? rows : rows.slice(0, N_ROWS)} />`) : html`<p class="note">Nothing is in them clearly more often than elsewhere.</p>`}
      <${Length} side=${side} />
      <${Response} found=${side.by_activation} /></div>`)}</div><//>`;
}

function Rows({ title, rows }) {
  return html`<table class="evidence"><thead><tr><th scope="col">${title}</th><td></td><th scope="col">list</th><th scope="col">corpus</th><th scope="col"><abbr title="how many times more often than in the corpus">lift</abbr></th><th scope="col"><abbr title="log-odds z by documents: how sure the difference is">z</abbr></th></tr></thead>
    <tbody>${rows.map((row) => html`<tr class=${row.passes === false ? "unsure" : ""}><th scope="row" title=${cut(row.label, 300)}>${cut(row.label, 80)}</th><td class="bar"><${Bar} share=${row.share_list} background=${row.share_background} /></td>
      <td>${percent(row.share_list)}</td><td>${percent(row.share_background)}</td><td>${isNumber(row.lift) ? `${number(row.lift)}\u00d7` : "only"}</td><td>${number(row.z)}</td></tr>`)}</tbody></table>`;
}

function Length({ side }) {
  const { mean, background_mean, z } = side.length || {};
  if (!isNumber(mean)) return null;
  return html`<p class="fact"><span class="dim">Length</span> ${number(mean)} words on average, ${number(background_mean)} in the corpus <span class="dim">(z ${number(z)})</span></p>`;
}

function Response({ found }) {
  if (!found) return null;
  const listed = (rows) => rows.map((row) => `${cut(row.label, 60)} ${number(row.gain)}\u00d7`).join(", ");
  return html`${found.answers_to.length ? html`<p class="fact"><span class="dim">Responds at</span> ${listed(found.answers_to)}</p>` : null}
    ${found.beside_it.length ? html`<p class="fact"><span class="dim">Only near it</span> ${listed(found.beside_it)}</p>` : null}`;
}

function Activation({ card }) {
  const { activation } = card;
  return html`<${Section} id="activation" title="Activation" brief=${`From ${number(activation.minimum)} to ${number(activation.maximum)}, mean ${number(activation.mean)}`} note="Heights on a square-root scale, so that the few sentences of the lists can be seen. Orange and blue: where the lists begin.">
    <${Histogram} histogram=${activation.histogram} lists=${card.sides} />
    <dl class="facts">${[["sentences", count(activation.n)], ["mean", number(activation.mean)], ["standard deviation", number(activation.std)], ["skewness", number(activation.skewness)], ["excess kurtosis", number(activation.kurtosis)], ["least", number(activation.minimum)], ["greatest", number(activation.maximum)]].map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl><//>`;
}

const FEW = 30; // sentences of a list: fewer have no groups that would be found again

function Senses({ card, which }) {
  const longest = Math.max(...card.sides.map((side) => side.n_sentences));
  if (longest < FEW) return html`<${Section} id="senses" title="Senses" brief="" aside=${which}><p class="note">A list has ${plural(longest, "sentence")}: too few to tell kinds of them apart. Take a larger corpus.</p><//>`;
  const sides = card.sides.filter((side) => side.senses && side.senses.senses.length);
  if (sides.length && sides.every((side) => side.senses.senses.length === 1)) return html`<${Section} id="senses" title="Senses" brief="" aside=${which}><p class="note">One: the sentences of each list are not clearly of several kinds.</p><//>`;
  if (!sides.length) return html`<${Section} id="senses" title="Senses" brief="" aside=${which}><p class="note">Its sentences were not grouped by meaning in this run.</p><//>`;
  return html`<${Section} id="senses" title="Senses" aside=${which} brief=${cut(sides.map((side) => side.senses.senses.slice(0, 3).map((sense) => sense.label || "no clear label").join(" | ")).join(" | "), 160)} note="Its sentences, grouped by meaning: one group where the neuron has one theme, several where it has more."><div class="columns">
    ${sides.map((side) => html`<div class=${`side ${side.side}`}><h3>${MARKS[side.side]} ${SIDES[side.side]}: as if ${plural(Number(number(side.senses.polysemy).replace(",", "")), "sense")}</h3><ol class="senses">
      ${side.senses.senses.map((sense) => html`<li><span class="value">${percent(sense.share)}</span><div><span class="track" aria-hidden="true"><i style=${{ width: `${100 * sense.share}%` }}></i></span><strong>${cut(sense.label, 160) || "no clear label"}</strong><p class="sentence">${cut(sense.typical.text, 220)}</p></div></li>`)}</ol></div>`)}</div><//>`;
}

function ReadsWrites({ card, now }) {
  const reads = card.sides.map((side) => [side.side, side.by_activation && side.by_activation.answers_to.length ? side.by_activation.answers_to.slice(0, 6).map((row) => row.label) : (side.evidence.words || []).slice(0, 6).map((row) => row.label)]);
  const { writes } = card;
  const tokens = (found) => (found.length ? found.slice(0, 12).map((token) => html`<code class="token">${cut(token, 30)}</code> `) : html`<span class="dim">nothing clear</span>`);
  const concepts = card.sides.flatMap((side) => side.concepts || []);
  const brief = !writes ? "Not read in this run." : writes.promotes.length || writes.suppresses.length ? cut([writes.promotes.length ? `promotes ${writes.promotes.slice(0, 5).join(",")}` : "", writes.suppresses.length ? `suppresses ${writes.suppresses.slice(0, 5).join(",")}` : ""].filter(Boolean).join("; "), 160) : "Writes nothing clear.";
  return html`<${Section} id="writes" title="Reads \u2192 writes" brief=${brief} note="Left: words of the sentences that it is highest and lowest for. Right: tokens that it makes more, or less, likely through the model\u2019s output layer.">
    <div class="reads"><div>${reads.map(([side, words]) => html`<p><${Side} side=${side} /> ${words.length ? cut(words.join(", "), 300) : html`<span class="dim">no clear words</span>`}</p>`)}</div><span class="arrow" aria-hidden="true">\u2192</span>
    <div>${writes ? html`<p><span class="dim">promotes</span> ${tokens(writes.promotes)}</p><p><span class="dim">suppresses</span> ${tokens(writes.suppresses)}</p>` : html`<${Make} run=${now} stage="writes">Not read in this run.<//>`}</div></div>
    ${concepts.length ? html`<h3>Rankings that have it among their first</h3><ul class="plain-list">${concepts.slice(0, 12).map((each) => html`<li>number ${count(each.rank)} for <strong>${cut(each.concept, 60)}</strong> by ${each.method}${each.sign ? `, fires ${each.sign > 0 ? "for" : "against"} it` : ""}${each.named === null || each.named === undefined ? "" : each.named ? "; its description names it too" : "; its description does not name it"}</li>`)}</ul>` : null}<//>`;
}

function Nearest({ card, now }) {
  const groups = [];
  for (const side of card.sides) {
    if (!side.nearest) continue;
    for (const [by, title] of [["lists", "by shared sentences"], ["signature", "by description"]]) {
      if (side.nearest[by] && side.nearest[by].length) groups.push([side.side, title, side.nearest[by]]);
    }
  }
  const alike = card.responds_like || [];
  if (!groups.length && !alike.length) return html`<${Section} id="nearest" title="Nearest neurons" brief="Not known in this run."><${Make} run=${now} stage="relate">Not known in this run.<//><//>`;
  return html`<${Section} id="nearest" title="Nearest neurons" brief=${[...new Set([...alike, ...groups.flatMap(([, , rows]) => rows)].map((each) => cut(each.address, 60)))].slice(0, 4).join(", ")}><div class="columns three">
    ${alike.length ? html`<div><h3>by response <span class="dim">(correlation over a sample)</span></h3><ul class="plain-list">${alike.map((each) => html`<li><a class="address" href=${cardLink(now.n, each.address)}>${each.address}</a> <span class="value">${number(each.correlation)}</span></li>`)}</ul></div>` : null}
    ${groups.map(([side, title, rows]) => html`<div class=${`side-of ${side}`}><h3><${Side} side=${side} /> ${title}</h3><ul class="plain-list">${rows.map((each) => html`<li><a class="address" href=${cardLink(now.n, each.address, each.side)}><${Side} side=${each.side} />${each.address}</a> <span class="value">${number(each.likeness)}</span> <span class="dim">${cut(each.name || "no clear theme", 60)}</span></li>`)}</ul></div>`)}</div><//>`;
}
