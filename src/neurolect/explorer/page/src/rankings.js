// Which ranking of neurons to believe, and what probes found.
import { html } from "../vendor.js";
import { here, link } from "./address.js";
import { Document } from "./blocks.js";
import { Empty, Failure, Waiting, usePromise } from "./parts.js";
import { get, start } from "./source.js";

export function Rankings() {
  const all = [...(start.value.judges || []).map((each) => ({ ...each, kind: "judge" })), ...(start.value.protocols || []).map((each) => ({ ...each, kind: "protocol" }))];
  if (!all.length) {
    return html`<h1 tabindex="-1">Rankings and probes</h1><${Empty} title="None is open.">Give the folder of a judge or of a protocol next to the run: neurolect serve RUN FOLDER<//>`;
  }
  const [, kind, n] = here.value.path;
  const chosen = all.find((each) => each.kind === kind && String(each.n) === n) || all[0];
  return html`<div class="page-head"><h1 tabindex="-1">Rankings and probes</h1></div><${Tabs} all=${all} chosen=${chosen} page="rankings" /><${Shown} key=${`${chosen.kind}/${chosen.n}`} parts=${[chosen.kind, chosen.n]} chosen=${chosen} />`;
}

export function Tabs({ all, chosen, page }) {
  if (all.length < 2) return null;
  return html`<nav class="tabs" aria-label="Folders"><ul>${all.map((each) => html`<li><a href=${link([page, each.kind, String(each.n)])} aria-current=${each === chosen ? "true" : null}>${each.title || each.name}</a></li>`)}</ul></nav>`;
}

export function Shown({ parts, chosen }) {
  const found = usePromise(() => get(...parts), []);
  if (found.error) return html`<${Failure} error=${found.error} />`;
  if (!found.value) return html`<${Waiting} />`;
  return html`<h2 class="document-title">${found.value.title || chosen.title || chosen.name}</h2>${chosen.note ? html`<p class="note">${chosen.note}</p>` : null}<${Document} found=${found.value} />`;
}
