// The frame of all pages: what is run, where one is, light or dark.
import { html, render, useEffect, useRef, useState } from "../vendor.js";
import { About } from "./about.js";
import { go, here, link, ofRun, run, runNumber } from "./address.js";
import { Ask } from "./ask.js";
import { Card } from "./card.js";
import { Compare } from "./compare.js";
import { Model } from "./model.js";
import { Neurons } from "./neurons.js";
import { Failure, Notices, Select, Waiting } from "./parts.js";
import { Rankings } from "./rankings.js";
import { Sentence } from "./sentence.js";
import { SourceError, get, start } from "./source.js";
import { switchTheme, theme } from "./theme.js";
import { cut } from "./text.js";

const PAGES = {
  "": { name: "Model", page: Model, needsRun: true },
  neurons: { name: "Neurons", page: Neurons, needsRun: true },
  ask: { name: "Ask", page: Ask, needsRun: true },
  sentence: { name: "Type a sentence", page: Sentence, needsRun: true },
  rankings: { name: "Rankings", page: Rankings },
  compare: { name: "Compare", page: Compare },
  about: { name: "About", page: About },
  card: { name: "Neuron", page: Card, needsRun: true, hidden: true },
};

function App() {
  const [error, setError] = useState(null);
  const load = () => {
    setError(null);
    get("start").then((value) => {
      value.runs.forEach((each, n) => {
        each.n = n;
        for (const column of [...(each.columns || []), ...(each.maps || [])]) column.label = cut(column.label, 120);
      });
      start.value = value;
    }, setError);
  };
  useEffect(load, []);
  const key = here.value.path[0] || "";
  const chosen = PAGES[key];
  const main = useRef(null);
  const place = here.value.path.join("/");
  const first = useRef(true);
  useEffect(() => {
    const what = key === "card" ? here.value.path[2] : chosen ? chosen.name : "Not found";
    document.title = `${what} \u00b7 ${run.value ? run.value.name : "neurolect"}`;
    if (first.current) {
      first.current = !start.value;
      return;
    }
    scrollTo(0, 0);
    const heading = main.current && main.current.querySelector("h1");
    if (heading) heading.focus({ preventScroll: true });
  }, [place, start.value]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => skip(event, main)}>Skip to the page</a>
    <${Bar} current=${key} />
    <main id="main" ref=${main} class=${`page-${key || "model"}`}>${body(chosen, error, load)}</main>`;
}

function skip(event, main) {
  event.preventDefault();
  const heading = main.current.querySelector("h1");
  if (heading) heading.focus();
}

function body(chosen, error, load) {
  if (error) return html`<h1 tabindex="-1">The run cannot be shown</h1><${Failure} error=${error} again=${load} />`;
  if (!start.value) return html`<${Waiting} what="Opening the run" />`;
  if (!chosen) return html`<h1 tabindex="-1">There is no such page</h1><p><a href="#/">To the model</a></p>`;
  if (chosen.needsRun && run.value && run.value.error) return html`<h1 tabindex="-1">${run.value.name} cannot be opened</h1><${Failure} error=${new SourceError(run.value.error.message, run.value.error.hint, run.value.error.expected)} again=${() => location.reload()} />`;
  if (chosen.needsRun && !run.value) return html`<h1 tabindex="-1">No run is open</h1><p>Open one with <code class="command">neurolect serve RUN</code>.</p>`;
  const Page = chosen.page;
  return html`<${Running} /><${Page} key=${runNumber.value} />`;
}

function Running() {
  const now = run.value;
  if (!now || now.error) return null;
  const { running = [], stale = [] } = now;
  return html`${running.length ? html`<p class="notice" role="status">Still being written: ${running.join(", ")}. What is shown is what is there so far; reload to see more.</p>` : null}
    <${Notices} lines=${stale} />`;
}

function Bar({ current }) {
  const value = start.value;
  const now = run.value;
  const there = (key) => {
    if (key === "sentence") return value && value.model;
    if (key === "rankings") return value && (value.judges || []).length + (value.protocols || []).length > 0;
    if (key === "compare") return value && ((value.comparisons || []).length > 0 || value.runs.length > 1);
    return true;
  };
  const nav = useRef(null);
  useEffect(() => { // on a narrow screen the list of pages is wider than it
    const now = nav.current && nav.current.querySelector("[aria-current]");
    if (now) nav.current.scrollLeft = Math.max(0, now.offsetLeft - nav.current.clientWidth / 2);
  }, [current, value]);
  const names = { auto: "as the system", light: "light", dark: "dark" };
  return html`<header class="top-bar">
    <a class="brand" href=${link([], ofRun(runNumber.value))}><span aria-hidden="true" class="logo"><i></i><i></i><i></i><i></i></span>neurolect</a>
    ${value && value.runs.length > 1
      ? html`<${Select} hideLabel label="Run" value=${String(runNumber.value)} options=${value.runs.map((each, n) => [String(n), cut(each.name, 40)])} onChange=${(n) => go(link(current === "card" ? ["neurons"] : [current].filter(Boolean), ofRun(Number(n))))} />`
      : now ? html`<span class="run-name" title=${now.name}>${cut(now.name, 40)}</span>` : null}
    <nav ref=${nav} aria-label="Pages"><ul>${Object.entries(PAGES).filter(([key, page]) => !page.hidden && there(key)).map(([key, page]) => html`<li><a href=${link([key].filter(Boolean), ofRun(runNumber.value))} aria-current=${key === current ? "page" : key === "neurons" && current === "card" ? "true" : null}>${page.name}</a></li>`)}</ul></nav>
    <button type="button" class="theme" onClick=${switchTheme} title=${`Colours: ${names[theme.value]}`}><span aria-hidden="true">${{ auto: "\u25d0", light: "\u25cb", dark: "\u25cf" }[theme.value]}</span><span class="hidden">Colours: ${names[theme.value]}. Change</span></button>
  </header>`;
}

render(html`<${App} />`, document.getElementById("page"));
