// Small pieces that all pages are made of.
import { html, signal, useEffect, useRef, useState } from "../vendor.js";
import { MARKS, SIDES, cut, isNumber } from "./text.js";

// Returns {value, error, loading} of a promise that is made again when what it depends on changes.
export function usePromise(make, depends) {
  const [state, setState] = useState({ loading: true });
  useEffect(() => {
    let isCurrent = true;
    setState((before) => ({ ...before, error: null, loading: true }));
    Promise.resolve()
      .then(make)
      .then(
        (value) => isCurrent && setState({ value, loading: false }),
        (error) => isCurrent && setState({ error, loading: false }),
      );
    return () => {
      isCurrent = false;
    };
  }, depends);
  return state;
}

export function Waiting({ what = "Loading" }) {
  return html`<p class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${what}\u2026</p>`;
}

export function Failure({ error, again }) {
  return html`<div class="failure" role="alert">
    <strong>${error.message}</strong>
    ${error.hint ? html`<p>${error.hint}</p>` : null}
    ${again ? html`<button type="button" onClick=${again}>Try again</button>` : null}
  </div>`;
}

export const Empty = ({ children, title }) => html`<div class="empty"><strong>${title}</strong><p>${children}</p></div>`;

// The command that makes what a run lacks, as the run itself says it.
export function Make({ run, stage, children }) {
  const found = (run.missing || []).find((each) => each.stage === stage);
  return html`<p class="note">${children}${!found ? null : found.why ? ` ${found.why}` : html` <${Command}>${found.command}<//>`}</p>`;
}

export const Command = ({ children }) => html`<code class="command">${children}</code>`;

export function Side({ side }) {
  return html`<span class=${`side-mark ${side}`}><span aria-hidden="true">${MARKS[side]}</span><span class="hidden">${SIDES[side]}: </span></span>`;
}

export const Address = ({ children }) => html`<span class="address">${children}</span>`;

// A share as a bar, with a line where the corpus is; lengths are square roots, so that small shares can be seen.
export function Bar({ share, background, scale = 1 }) {
  const width = (value) => `${Math.min(100, 100 * Math.sqrt(value / scale))}%`;
  return html`<span class="track" aria-hidden="true">
    <i style=${{ width: width(share || 0) }}></i>
    ${isNumber(background) ? html`<b style=${{ left: width(background) }}></b>` : null}
  </span>`;
}

// A narrow screen shows one thing at a time: sections that can be folded begin so, with a line on what is in them.
const narrow = matchMedia("(max-width: 720px)");
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));
const unfolded = signal(new Set());

export function unfold(id, is = true) {
  const next = new Set(unfolded.value);
  if (is) next.add(id);
  else next.delete(id);
  unfolded.value = next;
}

// With `brief`, a line on what is in it, a section can be folded on a narrow screen.
export function Section({ title, id, note, children, aside, brief }) {
  const canFold = isNarrow.value && brief !== undefined;
  const isOpen = !canFold || unfolded.value.has(id);
  return html`<section aria-labelledby=${id} class=${canFold ? "folding" : ""}>
    <div class="section-head"><h2 id=${id}>${canFold ? html`<button type="button" class="fold" aria-expanded=${String(isOpen)} onClick=${() => unfold(id, !isOpen)}>${title}</button>` : title}</h2>${isOpen ? aside : null}</div>
    ${isOpen ? html`${note ? html`<p class="note">${note}</p>` : null}${children}` : brief ? html`<p class="brief">${cut(brief, 220)}</p>` : null}
  </section>`;
}

// One of a few choices.
export function Choice({ label, value, options, onChange }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(
      ([each, text]) => html`<button type="button" aria-pressed=${String(each === value)} onClick=${() => onChange(each)}>${text}</button>`,
    )}
  </div>`;
}

export function Select({ label, value, options, onChange, hideLabel }) {
  return html`<label class="field"><span class=${hideLabel ? "hidden" : ""}>${label}</span>
    <select value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map(([each, text]) => html`<option value=${each} selected=${each === value}>${cut(text, 100)}</option>`)}
    </select></label>`;
}

export function Notices({ lines: given, kind = "notice" }) {
  if (!given || !given.length) return null;
  const lines = given.map((line) => cut(line, 1000));
  if (lines.length === 1) return html`<p class=${kind}>${lines[0]}</p>`;
  return html`<details class=${kind}><summary>${lines[0]} (and ${lines.length - 1} more)</summary><ul>${lines.slice(1).map((line) => html`<li>${line}</li>`)}</ul></details>`;
}

// The width that an element has, so that drawings fit.
export function useWidth(fallback = 640) {
  const element = useRef(null);
  const [width, setWidth] = useState(fallback);
  useEffect(() => {
    if (!element.current) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(200, Math.round(entry.contentRect.width))));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function saved(name, blob) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10000);
}
