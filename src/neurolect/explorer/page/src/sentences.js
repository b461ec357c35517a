// Sentences of a list: centred on the word at which the neuron is strongest, shaded by its activation. No other colour is used.
import { html, useEffect, useRef, useState } from "../vendor.js";
import { askModel, get, start } from "./source.js";
import { Choice, Failure, Make, Waiting, isNarrow } from "./parts.js";
import { cut, isNumber, number, plural } from "./text.js";

const MAX_CONTEXT = 260; // characters to each side of a peak that a line can show
const MAX_WHOLE = 4000;
const MAX_PIECES = 1200;
const FIRST = 6; // sentences that a narrow screen begins with

const remembered = { way: matchMedia("(max-width: 720px)").matches ? "whole" : "lines" };

export function Sentences({ run, card, chosen, onChoose }) {
  const [way, setWayHere] = useState(remembered.way);
  const setWay = (value) => {
    remembered.way = value;
    setWayHere(value);
  };
  const names = { top: "\u25b2 Highest", bottom: "\u25bc Lowest", range: "Across its range" };
  const options = [...card.sides.map((side) => side.side), ...(rangeOf(card).length ? ["range"] : [])].map((each) => [each, names[each]]);
  const side = card.sides.find((each) => each.side === chosen);
  const isShaded = card.sides.some((each) => each.examples.some(hasShade));
  return html`<section class="sentences" aria-labelledby="sentences">
    <div class="section-head"><h2 id="sentences">Sentences</h2>
      <div class="spread"><${Choice} label="Which sentences" value=${chosen} options=${options} onChange=${onChoose} />
      ${chosen === "range" ? null : html`<${Choice} label="How sentences are shown" value=${way} options=${[["lines", "Lined up"], ["whole", "Whole"]]} onChange=${setWay} />`}</div></div>
    ${chosen === "range" ? html`<${Range} card=${card} />` : side ? html`<${List} key=${`${card.address}/${chosen}`} run=${run} card=${card} side=${side} way=${way} isShaded=${isShaded} />` : null}
  </section>`;
}

const hasShade = (example) => (example.pieces || []).some(([, shade]) => shade !== null && shade !== undefined);

function List({ run, card, side, way, isShaded }) {
  const [isShort, setShort] = useState(isNarrow.value);
  const [more, setMore] = useState({ rows: [], page: 0, done: false, error: null, loading: false });
  const [live, setLive] = useState(null);
  const end = useRef(null);
  const n_listed = side.n_sentences || 0;
  const last = side.examples.length ? side.examples[side.examples.length - 1].rank : -1;
  const rows = [...side.examples, ...more.rows.filter((row) => row.rank > last)];
  const seen = more.rows.length ? more.rows[more.rows.length - 1].rank : last;
  const done = more.done || seen + 1 >= n_listed;

  async function load() {
    if (more.loading || done || more.error) return;
    setMore({ ...more, loading: true });
    try {
      const found = await get("list", run.n, card.address, side.side, more.page);
      const listed = found.rows || found;
      setMore({ rows: [...more.rows, ...listed], page: more.page + 1, done: !listed.length, error: null, loading: false });
    } catch (error) {
      setMore({ ...more, error, loading: false });
    }
  }
  useEffect(() => {
    if (!end.current || done || more.error || more.loading || isNarrow.value) return undefined;
    const observer = new IntersectionObserver((entries) => entries.some((each) => each.isIntersecting) && load(), { rootMargin: "200px" });
    observer.observe(end.current);
    return () => observer.disconnect();
  });

  async function shade() {
    setLive({ n: 0, pieces: {}, error: null });
    const pieces = {};
    for (const [at, row] of rows.slice(0, 10).entries()) {
      try {
        const found = await askModel("neuron", { run: run.n, text: cut(row.text, 2000), address: card.address });
        pieces[row.sentence_id] = shadedBy(found, side.side);
        setLive({ n: at + 1, pieces: { ...pieces }, error: null });
      } catch (error) {
        setLive({ n: at, pieces: { ...pieces }, error });
        return;
      }
    }
  }

  if (!rows.length) return html`<p class="note">The list is empty: its activation was not finite, or no sentence was read.</p>`;
  const known = isShaded || live;
  return html`
    ${known
      ? html`<p class="note legend"><span class=${`scale ${side.side}`} aria-hidden="true"></span> The stronger its colour, the more of the activation is at a word; the strongest is underlined and lined up. The number is the activation of the whole sentence.</p>`
      : html`<${Make} run=${run} stage="tokens">Which of the words the neuron responds to has not been read in this run.<//><p>
        ${start.value.model ? html` <button type="button" onClick=${shade}>Ask the model for the first ten</button>` : null}</p>`}
    ${live && live.error ? html`<${Failure} error=${live.error} />` : null}
    <ol class=${`lines ${way} ${side.side}`} aria-label=${`${side.side === "top" ? "Highest" : "Lowest"} activations first`}>
      ${(isShort ? rows.slice(0, FIRST) : rows).map((row) => html`<${Line} key=${row.rank} row=${live && live.pieces[row.sentence_id] ? { ...row, pieces: live.pieces[row.sentence_id] } : row} way=${way} />`)}
    </ol>
    ${isShort && rows.length > FIRST ? html`<div class="more"><button type="button" onClick=${() => setShort(false)}>${rows.length - FIRST} more</button></div>` : null}
    ${side.n_skipped && !isShort ? html`<p class="note">${plural(side.n_skipped, "near duplicate")} of the first sentences passed over.</p>` : null}
    <div ref=${end} class="more">${isShort && rows.length > FIRST ? null : more.loading
      ? html`<${Waiting} />`
      : more.error
        ? html`<p class="note">${more.error.message} ${more.error.hint}</p>`
        : done
          ? null
          : html`<button type="button" onClick=${load}>More of its ${n_listed} sentences</button>`}</div>`;
}

// Tokens with values become shaded pieces: greatest 1, those on the wrong side of the low end 0.
function shadedBy({ tokens, values }, side) {
  const sign = side === "top" ? 1 : -1;
  const signed = values.map((value) => (isNumber(value) ? sign * value : NaN));
  const finite = signed.filter(Number.isFinite);
  const high = Math.max(...finite);
  const low = finite.reduce((sum, value) => sum + value, 0) / Math.max(1, finite.length);
  const peak = signed.indexOf(high);
  return tokens.map((token, at) => [token, Number.isFinite(signed[at]) ? Math.max(0, (signed[at] - low) / (high - low || 1)) : null, at === peak]);
}

// Whole text, in pieces, with none of them longer than what is looked at.
function piecesOf(row) {
  const pieces = row.pieces && row.pieces.length ? row.pieces : [[row.text, null, false]];
  return pieces.slice(0, MAX_PIECES);
}

const Piece = ({ piece: [text, shade, isPeak] }) =>
  shade || isPeak ? html`<span class=${isPeak ? "shaded peak" : "shaded"} style=${{ "--shade": (shade || 0).toFixed(2) }}>${text}</span>` : text;

function Line({ row, way }) {
  const [open, setOpen] = useState(false);
  const pieces = piecesOf(row);
  const peak = pieces.findIndex((each) => each[2]);
  const isWhole = way === "whole" || open;
  return html`<li class=${isWhole ? "is-whole" : ""}>
    <span class="value">${number(row.activation)}</span>
    ${isWhole
      ? html`<p class="whole" onClick=${() => way !== "whole" && !String(getSelection()) && setOpen(false)}>${whole(pieces)}</p>`
      : html`<button type="button" class=${`line${peak < 0 ? " plain" : ""}`} aria-expanded="false" onClick=${() => setOpen(true)}>
          ${peak < 0 ? html`<span class="after">${cut(row.text, 2 * MAX_CONTEXT)}</span>` : html`<span class="before"><span>${before(pieces.slice(0, peak)).map((piece) => html`<${Piece} piece=${piece} />`)}</span></span><span class="middle"><${Piece} piece=${shortened(pieces[peak])} /></span><span class="after">${after(pieces.slice(peak + 1)).map((piece) => html`<${Piece} piece=${piece} />`)}</span>`}
        </button>`}
    <${Note} row=${row} open=${isWhole} />
  </li>`;
}

const shortened = ([text, ...rest]) => [cut(text, 60), ...rest];

function whole(pieces) {
  let left = MAX_WHOLE;
  const shown = [];
  for (const piece of pieces) {
    if (left <= 0) break;
    shown.push(html`<${Piece} piece=${[cut(piece[0], left), piece[1], piece[2]]} />`);
    left -= piece[0].length;
  }
  return left < 0 || shown.length < pieces.length ? [...shown, html`<span class="dim"> (cut: the sentence is longer)</span>`] : shown;
}

function before(pieces) {
  const shown = [];
  let left = MAX_CONTEXT;
  for (let at = pieces.length - 1; at >= 0 && left > 0; at--) {
    const [text, shade, isPeak] = pieces[at];
    shown.unshift([text.length > left ? text.slice(-left) : text, shade, isPeak]);
    left -= text.length;
  }
  return shown;
}

function after(pieces) {
  const shown = [];
  let left = MAX_CONTEXT;
  for (const [text, ...rest] of pieces) {
    if (left <= 0) break;
    shown.push([text.slice(0, left), ...rest]);
    left -= text.length;
  }
  return shown;
}

function Note({ row, open }) {
  const note = (row.note || []).map((each) => cut(String(each), 40));
  if (!open) return html`<span class="from">${note.slice(0, 2).join(" \u00b7 ")}</span>`;
  const fields = Object.entries(row.metadata || {}).slice(0, 12);
  return html`<span class="from">${fields.length ? fields.map(([name, value]) => html`<span><span class="dim">${cut(name, 30)}</span> ${cut(String(value), 80)} </span>`) : note.join(" \u00b7 ")}</span>`;
}

function rangeOf(card) {
  const found = card.quantiles || card.sides.flatMap((side) => side.quantiles || []);
  const rows = Array.isArray(found) ? found : Object.values(found).flat();
  const seen = new Set();
  return rows.filter((row) => !seen.has(`${row.decile}/${row.text}`) && seen.add(`${row.decile}/${row.text}`));
}

// A few sentences from each tenth of the activations: what it does not respond to is as telling.
function Range({ card }) {
  const rows = rangeOf(card);
  const deciles = [...new Set(rows.map((row) => row.decile))].sort((a, b) => b - a);
  const { minimum, maximum } = card.activation;
  return html`<p class="note">A random sample of the corpus, cut in ten by activation: what the neuron does on ordinary sentences, from its highest tenth to its lowest.</p>
    <ol class="range">${deciles.map((decile, place) => {
      const own = rows.filter((row) => row.decile === decile).sort((a, b) => b.activation - a.activation);
      const middle = own[Math.floor(own.length / 2)].activation;
      return html`<li><div class="decile"><strong>${decileName(place, deciles.length)}</strong><span class="ladder" aria-hidden="true"><i style=${{ left: `${(100 * (middle - minimum)) / (maximum - minimum || 1)}%` }}></i></span></div>
        <ul>${own.map((row) => html`<li><span class="value">${number(row.activation)}</span><span>${cut(row.text, 240)}</span></li>`)}</ul></li>`;
    })}</ol>`;
}

function decileName(place, n) {
  if (place === 0) return "highest tenth";
  if (place === n - 1) return "lowest tenth";
  return `tenth ${place + 1}`;
}


