// What to take away: tables, figures, the citation; and how to get more.
import { html, useState } from "../vendor.js";
import { run } from "./address.js";
import { Facts } from "./blocks.js";
import { Empty, Section, copied } from "./parts.js";
import { isStatic, start } from "./source.js";
import { count, cut } from "./text.js";

const KEYS = [
  ["/", "search the neurons"],
  ["\u2193 \u2191 Page Home End", "move in the table"],
  ["Enter", "open the neuron"],
  ["n, p", "next and previous neuron, on a card"],
  ["arrows, +, \u2212, 0", "move and scale the map"],
  ["Shift and drag", "draw around neurons on the map"],
];

export function About() {
  const value = start.value;
  const now = run.value && run.value.error ? null : run.value;
  const { downloads = [], figures = [] } = now || {};
  return html`<div class="page-head"><h1 tabindex="-1">About</h1><p class="dim">neurolect ${value.version}</p></div>
    ${now ? html`<${Facts} facts=${now.facts} />` : null}
    <${Section} id="tables" title="Tables">${downloads.length
      ? html`<div class="scroll" tabindex="0" role="group" aria-label="Tables"><table class="plain"><thead><tr><th scope="col">table</th><th scope="col" class="numeric">rows</th><th scope="col">as</th></tr></thead><tbody>${downloads.map((each) => html`<tr><td><strong>${cut(each.label, 200)}</strong>${each.what ? html`<br /><span class="dim">${cut(each.what, 300)}</span>` : null}</td><td class="numeric">${count(each.rows)}</td><td>${[["CSV", each.csv], ["Parquet", each.parquet]].filter(([, href]) => isRelative(href)).map(([name, href]) => html`<a href=${href} download>${name}<span class="hidden"> of ${cut(each.label, 200)}</span></a> `)}</td></tr>`)}</tbody></table></div>`
      : html`<${Empty} title="None is here.">${isStatic ? "These pages were written to a folder. All tables: neurolect export RUN --to parquet --out FOLDER" : "This run has no tables to hand out."}<//>`}<//>
    ${figures.length ? html`<${Section} id="figures" title="Figures"><ul class="plain-list">${figures.map((each) => html`<li>${cut(each.label, 200)} ${[["SVG", each.svg], ["PNG", each.png]].filter(([, href]) => isRelative(href)).map(([name, href]) => html`<a href=${href} download>${name}<span class="hidden"> of ${cut(each.label, 200)}</span></a> `)}</li>`)}</ul><//>` : null}
    ${now && now.options ? html`<${Section} id="options" title="Options"><details><summary>Every option that the run was made with</summary><pre tabindex="0">${JSON.stringify(now.options, null, 2)}</pre></details><//>` : null}
    <${Section} id="more" title="The same elsewhere"><ul class="plain-list">
      <li>These pages as a folder that opens by a double click: <code class="command">neurolect export RUN --to site --out FOLDER</code></li>
      <li>Parquet files: <code class="command">neurolect export RUN --to parquet --out FOLDER</code></li>
      <li>A dataset folder with its card: <code class="command">neurolect export RUN --to dataset --out FOLDER</code></li>
      <li>In the terminal: <code class="command">neurolect show RUN NEURON</code></li></ul><//>
    <${Section} id="keys" title="Keys"><dl class="keys">${KEYS.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl><//>
    ${value.cite ? html`<${Cite} cite=${value.cite} />` : null}`;
}

// Links come from the server or from the exporter; anything else than a path below the page is not followed.
const isRelative = (href) => typeof href === "string" && /^[A-Za-z0-9_%.][\w./%?=&+-]*$/.test(href);

function Cite({ cite }) {
  const [said, setSaid] = useState("");
  const copy = async () => setSaid((await copied(cite.bibtex)) ? "Copied." : "Select the text to copy it.");
  return html`<${Section} id="cite" title="Cite" aside=${html`<span><span role="status" class="dim">${said} </span><button type="button" onClick=${copy}>Copy BibTeX</button></span>`}>
    <p>${cite.text}</p><pre tabindex="0">${cite.bibtex}</pre><//>`;
}
