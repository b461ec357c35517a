// Every list of every neuron: search, conditions on any column, order by any column; the address holds all of it.
import { html, useEffect, useMemo, useRef, useState } from "../vendor.js";
import { cardLink, change, go, here, run } from "./address.js";
import { addressOf, column, ordered, sideOf, sortable } from "./columns.js";
import { bounds, matching, parse, prepare, terms } from "./filters.js";
import { Grid } from "./grid.js";
import { Choice, Empty, Failure, Notices, Select, Side, Waiting, isNarrow, usePromise } from "./parts.js";
import { SIDES, count, cut, layerName, number, plural } from "./text.js";

const ALWAYS = new Set(["address", "side", "name", "words", "typical", "writes", "kind", "site", "layer", "index"]);

// The columns of the address, else those that a run shows first.
function chosenNumbers(now, query) {
  const numbers = now.columns.filter((each) => each.type === "number" && !ALWAYS.has(each.name));
  const given = query.get("cols");
  if (given !== null) return numbers.filter((each) => given.split(",").includes(each.name));
  return numbers.filter((each) => each.default);
}

function sortOf(now, query) {
  const given = query.get("sort");
  if (given) return { name: given.replace(/^-/, ""), descending: given.startsWith("-") };
  const first = now.columns.find((each) => each.name === "name_z") || now.columns.find((each) => each.type === "number" && each.default);
  return first ? { name: first.name, descending: true } : null;
}

async function rowsOf(now, q, conditions, sort) {
  const rows = await matching(now, q, conditions);
  return sort ? ordered(rows, await sortable(now, sort.name), sort.descending) : rows;
}

export function Neurons() {
  const now = run.value;
  const { query } = here.value;
  const q = query.get("q") || "";
  const written = query.getAll("f");
  const conditions = useMemo(() => written.map(parse), [written.join("\n")]);
  const sort = sortOf(now, query);
  const numbers = chosenNumbers(now, query);
  const found = usePromise(() => rowsOf(now, q, conditions, sort), [now, q, written.join("\n"), sort && sort.name, sort && sort.descending]);
  const names = ["name", "words", "typical", "kind", ...numbers.map((each) => each.name)].filter((name) => now.columns.some((each) => each.name === name));
  const shown = useColumns(now, names);
  const isReady = Boolean(found.value && shown.name);
  useEffect(() => {
    if (isReady) prepare(now).catch(() => {}); // whoever asks for it sees what is missing
  }, [now, isReady]);
  const setConditions = (next) => change({ f: next.map(({ name, rule }) => `${name}:${rule}`) });
  return html`<div class="neurons">
    <div class="page-head"><h1 tabindex="-1">Neurons</h1><p class="dim" role="status">${found.value ? `${count(found.value.length)} of ${plural(now.n_rows, "list")}` : ""}</p></div>
    <${Notices} lines=${now.notices} />
    <${Tools} now=${now} q=${q} conditions=${conditions} setConditions=${setConditions} sort=${sort} numbers=${numbers} />
    ${found.error || shown.error
      ? html`<${Failure} error=${found.error || shown.error} />`
      : found.value
        ? html`<${List} now=${now} rows=${found.value} data=${shown} numbers=${numbers} sort=${sort} q=${q} busy=${found.loading} />`
        : html`<${Waiting} what="Loading the list" />`}
  </div>`;
}

// Columns by name, each as it arrives: the first rows are there before the last text.
function useColumns(now, names) {
  const [data, setData] = useState({});
  useEffect(() => {
    let isCurrent = true;
    for (const name of names) {
      column(now, name).then(
        (found) => isCurrent && setData((before) => ({ ...before, [name]: found })),
        (error) => isCurrent && setData((before) => ({ ...before, error })),
      );
    }
    return () => {
      isCurrent = false;
    };
  }, [now, names.join()]);
  return data;
}

function List({ now, rows, data, numbers, sort, q, busy }) {
  const words = terms(q);
  const has = (name) => now.columns.some((each) => each.name === name);
  const columns = [
    { name: "address", label: "neuron", width: "9rem", className: "at" },
    { name: "name", label: "what it is highest or lowest for", short: "name", width: "minmax(12rem, 1.4fr)", className: "named" },
    ...(has("typical") ? [{ name: "typical", label: "a sentence of its list", short: "sentence", width: "minmax(14rem, 1.8fr)", className: "typical" }] : []),
    ...(has("kind") ? [{ name: "kind", label: "kind of evidence", short: "kind", width: "6.5rem", className: "kind" }] : []),
    ...numbers.map((each) => ({ name: each.name, label: each.label, short: shortName(each), help: each.label, width: "5.6rem", numeric: true })),
  ];
  const cells = {
    address: (row, tabindex, activate) => html`<a tabindex=${tabindex} onFocus=${activate} href=${cardLink(now.n, addressOf(now, row), sideOf(now, row))}><${Side} side=${sideOf(now, row)} /><span class="address">${addressOf(now, row)}</span></a>`,
    name: (row) => html`<span class="name">${data.name ? marked(data.name.values[row], words) || html`<span class="dim">no clear theme</span>` : "\u2026"}</span>
      ${data.words ? html`<span class="words">${marked(data.words.values[row], words)}</span>` : null}`,
    typical: (row) => html`<span class="sentence">${data.typical ? marked(data.typical.values[row], words) : "\u2026"}</span>`,
    kind: (row) => (data.kind && data.kind.values[row] >= 0 ? data.kind.labels[data.kind.values[row]] : ""),
  };
  const cell = (row, each, tabindex, activate) => (cells[each.name] ? cells[each.name](row, tabindex, activate) : number(data[each.name] ? data[each.name].values[row] : null));
  const nothing = html`<${Empty} title="No neuron matches.">Take a condition away, or search for a shorter word.<//>`;
  return html`<div class=${busy ? "busy" : ""}><${Grid} label="Neurons" columns=${columns} rows=${rows} cell=${cell} sort=${sort} rowHeight=${isNarrow.value ? 122 : 70}
    onSort=${(name) => change({ sort: nextSort(now, sort, name) })} open=${(row) => go(cardLink(now.n, addressOf(now, row), sideOf(now, row)))} rowName=${nothing} /></div>`;
}

function nextSort(now, sort, name) {
  if (sort && sort.name === name) return sort.descending ? name : `-${name}`;
  const about = now.columns.find((each) => each.name === name);
  return about && (about.descending || (about.descending === undefined && about.type === "number")) ? `-${name}` : name;
}

const SHORT = { "name-auroc": "name fidelity", "name-covered": "name covers", name_z: "evidence z", auroc: "fidelity", cause: "effect", polysemy: "senses", n_sentences: "sentences" };
export const shortName = (each) => each.short || SHORT[each.name] || cut(each.name.replace(/_/g, " "), 22);

// Mark what was searched for.
function marked(text, words) {
  if (!text) return null;
  const short = cut(text, 260);
  if (!words.length) return short;
  const folded = short.toLowerCase();
  const pieces = [];
  let at = 0;
  while (at < short.length) {
    const hits = words.map((word) => [folded.indexOf(word, at), word.length]).filter(([place]) => place >= 0);
    if (!hits.length) break;
    const [place, length] = hits.sort((a, b) => a[0] - b[0])[0];
    pieces.push(short.slice(at, place), html`<mark>${short.slice(place, place + length)}</mark>`);
    at = place + length;
  }
  return [...pieces, short.slice(at)];
}

function Tools({ now, q, conditions, setConditions, sort, numbers }) {
  const [isOpen, setOpen] = useState(false); // on a narrow screen
  const search = useRef(null);
  useEffect(() => {
    const focus = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
      event.preventDefault();
      search.current.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const rule = (name) => (conditions.find((each) => each.name === name) || { rule: "" }).rule;
  const setRule = (name, value) => {
    const others = conditions.filter((each) => each.name !== name);
    setConditions(value === "" ? others : [...others, { name, rule: value }]);
  };
  const single = new Set(now.sites.map((each) => each.site)).size === 1;
  const layers = [...new Set(now.sites.map((each) => each.layer))];
  const kinds = usePromise(async () => (now.columns.some((each) => each.name === "kind") ? (await column(now, "kind")).labels : []), [now]);
  const others = conditions.filter((each) => !["side", "layer", "kind"].includes(each.name) || (each.name === "layer" && !/^\d+$/.test(each.rule)));
  const onKeyDown = (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      const first = document.querySelector(".grid-row a");
      if (first) {
        event.preventDefault();
        first.focus();
      }
    }
  };
  return html`<div class="tools">
    <label class="field search"><span>Search names, words, sentences, addresses</span>
      <input ref=${search} type="search" autocomplete="off" spellcheck="false" placeholder=${'pasta, "of the", hidden.3.5'} value=${q} onKeyDown=${onKeyDown}
        onInput=${(event) => change({ q: event.currentTarget.value }, { replace: true })} /></label>
    ${isNarrow.value ? html`<button type="button" class="more-tools" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}>Filter and order${conditions.length ? html` <span class="dim">(${conditions.length})</span>` : null}</button>` : null}
    ${isNarrow.value && !isOpen ? null : html`${now.sides.length > 1
      ? html`<div class="field"><span>List</span><${Choice} label="List" value=${rule("side")} options=${[["", "both"], ["top", "\u25b2 highest"], ["bottom", "\u25bc lowest"]]} onChange=${(value) => setRule("side", value)} /></div>`
      : null}
    <${Select} label="Layer" value=${rule("layer")} options=${[["", "all"], ...layers.map((each) => [String(each), layerName("", each, single).trim()])]} onChange=${(value) => setRule("layer", value)} />
    ${kinds.value && kinds.value.length
      ? html`<${Select} label="Kind of evidence" value=${rule("kind")} options=${[["", "all"], ...[...kinds.value].sort().map((each) => [each, each])]} onChange=${(value) => setRule("kind", value)} />`
      : null}
    <${Select} label="Order" value=${sort ? (sort.descending ? "-" : "") + sort.name : ""} options=${orders(now)} onChange=${(value) => change({ sort: value })} />
    <${Columns} now=${now} numbers=${numbers} />
    <${AddCondition} now=${now} add=${(condition) => setConditions([...conditions.filter((each) => each.name !== condition.name), condition])} />`}
    ${others.length ? html`<ul class="chips" aria-label="Conditions">${others.map((each) => html`<li><button type="button" onClick=${() => setConditions(conditions.filter((other) => other !== each))}>
      ${spoken(now, each)} <span aria-hidden="true">\u00d7</span><span class="hidden">take away</span></button></li>`)}</ul>` : null}
  </div>`;
}

function orders(now) {
  return now.columns
    .filter((each) => each.name !== "index" && each.name !== "site")
    .flatMap((each) =>
      each.type === "number"
        ? [[`-${each.name}`, `${each.label}, greatest first`], [each.name, `${each.label}, least first`]]
        : [[each.name, `${each.label}, A to Z`], [`-${each.name}`, `${each.label}, Z to A`]],
    );
}

function spoken(now, { name, rule }) {
  if (name === "area") return "inside the drawn area of the map";
  const about = now.columns.find((each) => each.name === name) || { label: name, type: "text" };
  if (about.type === "number") {
    const [low, high] = bounds(rule);
    if (low === high) return `${about.label}: ${number(low)}`;
    return `${about.label}: ${Number.isFinite(low) ? number(low) : "any"} to ${Number.isFinite(high) ? number(high) : "any"}`;
  }
  if (about.type === "category") return `${about.label}: ${rule.split("|").map((each) => SIDES[each] || each).join(" or ")}`;
  return `${about.label} has \u201c${cut(rule, 40)}\u201d`;
}

function Columns({ now, numbers }) {
  const all = now.columns.filter((each) => each.type === "number" && !ALWAYS.has(each.name));
  const names = numbers.map((each) => each.name);
  const toggle = (name) => change({ cols: all.map((each) => each.name).filter((each) => (each === name) !== names.includes(each)).join(",") || "," });
  return html`<details class="menu"><summary>Columns</summary><fieldset><legend class="hidden">Columns shown</legend>
    ${all.map((each) => html`<label><input type="checkbox" checked=${names.includes(each.name)} onChange=${() => toggle(each.name)} /> ${each.label}</label>`)}
  </fieldset></details>`;
}

function AddCondition({ now, add }) {
  const menu = useRef(null);
  const columns = now.columns.filter((each) => !["side"].includes(each.name));
  const [name, setName] = useState("");
  const about = columns.find((each) => each.name === name);
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const rule = about.type === "number" ? `${form.get("low")}..${form.get("high")}` : about.type === "category" ? form.getAll("label").join("|") : form.get("text");
    if (!rule || rule === "..") return;
    add({ name, rule });
    setName("");
    menu.current.open = false;
  };
  return html`<details class="menu" ref=${menu}><summary>Add a condition</summary><form onSubmit=${submit}>
    <${Select} label="Column" value=${name} options=${[["", "choose one"], ...columns.map((each) => [each.name, each.label])]} onChange=${setName} />
    ${about ? html`<${Rule} now=${now} about=${about} /><button type="submit" class="strong">Add</button>` : null}
  </form></details>`;
}

function Rule({ now, about }) {
  const found = usePromise(() => column(now, about.name), [now, about.name]);
  if (found.error) return html`<${Failure} error=${found.error} />`;
  if (!found.value) return html`<${Waiting} />`;
  if (about.type === "number") {
    let low = Infinity;
    let high = -Infinity;
    for (const value of found.value.values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return html`<div class="pair"><label class="field"><span>at least</span><input name="low" type="number" step="any" placeholder=${number(low)} /></label>
      <label class="field"><span>at most</span><input name="high" type="number" step="any" placeholder=${number(high)} /></label></div>`;
  }
  if (about.type === "category") {
    return html`<fieldset class="labels"><legend>one of</legend>${found.value.labels.map((label) => html`<label><input type="checkbox" name="label" value=${label} /> ${label}</label>`)}</fieldset>`;
  }
  return html`<label class="field"><span>has the text</span><input name="text" /></label>`;
}
