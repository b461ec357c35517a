// What judges, protocols and comparisons hold: texts, tables, curves, bars and stacks, in the order given.
import { html, useMemo, useState } from "../vendor.js";
import { cardLink } from "./address.js";
import { Curves } from "./figures.js";
import { Grid } from "./grid.js";
import { Notices } from "./parts.js";
import { count, cut, isNumber, number, percent } from "./text.js";

export function Blocks({ blocks, prefix = "block" }) {
  return blocks.map((block, at) => {
    const Shown = KINDS[block.kind];
    if (!Shown) return null;
    return html`<section aria-labelledby=${`${prefix}-${at}`}><h2 id=${`${prefix}-${at}`}>${block.title}</h2>
      ${block.note ? html`<p class="note">${block.note}</p>` : null}<${Shown} block=${block} /></section>`;
  });
}

export function Facts({ facts }) {
  return html`<dl class="facts">${facts.map(([label, value]) => html`<div><dt>${cut(label, 60)}</dt><dd>${cut(String(value), 300)}</dd></div>`)}</dl>`;
}

export function Document({ found }) {
  return html`<${Notices} lines=${found.notices} /><${Facts} facts=${found.facts || []} /><${Blocks} blocks=${found.blocks || []} />`;
}

const Text = ({ block }) => block.lines.map((line) => html`<p>${line}</p>`);

const MANY = 60;

function Table({ block }) {
  const [sort, setSort] = useState(null);
  const [wanted, setWanted] = useState("");
  const places = useMemo(() => {
    const folded = wanted.toLowerCase();
    const kept = block.rows.map((_, at) => at).filter((at) => !folded || block.rows[at].some((value) => String(value ?? "").toLowerCase().includes(folded)));
    if (!sort) return kept;
    const at = block.columns.findIndex((each) => each.name === sort.name);
    const sign = sort.descending ? -1 : 1;
    return kept.sort((a, b) => compared(block.rows[a][at], block.rows[b][at], sign));
  }, [block, sort, wanted]);
  const cellOf = (value, column) => {
    if (value === null || value === undefined) return html`<span class="dim">\u2013</span>`;
    if (column.type === "number") return number(value);
    if (column.type === "address") return isNumber(block.run) ? html`<a class="address" href=${cardLink(block.run, value)}>${value}</a>` : html`<span class="address">${value}</span>`;
    return cut(String(value), 300);
  };
  const onSort = (name) => setSort(sort && sort.name === name ? { name, descending: !sort.descending } : { name, descending: block.columns.find((each) => each.name === name).type === "number" });
  const search = block.rows.length > 12 ? html`<label class="field search"><span>Search this table</span><input type="search" value=${wanted} onInput=${(event) => setWanted(event.currentTarget.value)} /></label>` : null;
  if (places.length > MANY) {
    const columns = block.columns.map((each) => ({ ...each, numeric: each.type === "number", className: each.type === "text" ? "one-line" : "", width: each.type === "number" ? "6.5rem" : each.type === "address" ? "9rem" : "minmax(8rem, 1fr)" }));
    const cell = (row, column) => {
      const value = block.rows[row][block.columns.findIndex((each) => each.name === column.name)];
      return column.className ? html`<span title=${cut(String(value ?? ""), 300)}>${cellOf(value, column)}</span>` : cellOf(value, column);
    };
    return html`${search}<div class="grid-short"><${Grid} label=${block.title} columns=${columns} rows=${places} cell=${cell} sort=${sort} onSort=${onSort} open=${() => null} rowHeight=${36} /></div>`;
  }
  return html`${search}<div class="scroll" tabindex="0" role="group" aria-label=${block.title}><table class="plain">
    <thead><tr>${block.columns.map((each) => html`<th scope="col" class=${each.type === "number" ? "numeric" : ""} aria-sort=${sort && sort.name === each.name ? (sort.descending ? "descending" : "ascending") : "none"}><button type="button" title=${each.help || ""} onClick=${() => onSort(each.name)}>${each.label}</button></th>`)}</tr></thead>
    <tbody>${places.map((at) => html`<tr>${block.columns.map((each, place) => html`<td class=${each.type === "number" ? "numeric" : ""}>${cellOf(block.rows[at][place], each)}</td>`)}</tr>`)}</tbody></table></div>
    ${places.length ? null : html`<p class="note">No row.</p>`}`;
}

function compared(a, b, sign) {
  const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
  if (noA || noB) return noA - noB;
  return sign * (isNumber(a) && isNumber(b) ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
}

function Bars({ block }) {
  const numbers = block.rows.flatMap((row) => [row.value, row.low, row.high, row.compare && row.compare.value]).filter(isNumber);
  const [low, high] = [Math.min(0, ...numbers), Math.max(0, ...numbers)];
  const x = (value) => `${(100 * (value - low)) / (high - low || 1)}%`;
  return html`<table class="bars"><tbody>${block.rows.map((row) => html`<tr><th scope="row">${row.label}</th>
    <td class="rail" aria-hidden="true">${isNumber(row.value) ? html`<i style=${{ left: x(Math.min(0, row.value)), width: `calc(${x(Math.max(0, row.value))} - ${x(Math.min(0, row.value))})` }}></i>` : null}
      ${isNumber(row.low) && isNumber(row.high) ? html`<span class="span" style=${{ left: x(row.low), width: `calc(${x(row.high)} - ${x(row.low)})` }}></span>` : null}
      ${row.compare && isNumber(row.compare.value) ? html`<b style=${{ left: x(row.compare.value) }}></b>` : null}</td>
    <td class="figure">${number(row.value)}${row.compare ? html`<span class="dim"> ${row.compare.label} ${number(row.compare.value)}</span>` : null}</td></tr>`)}</tbody></table>
    ${block.x_label ? html`<p class="note">${block.x_label}</p>` : null}`;
}

// What is left over has the colour of the rest.
const REST = new Set(["vanished", "others", "none"]);

function Stack({ block }) {
  const category = (at) => `category-${REST.has(block.categories[at]) ? 9 : at % 9}`;
  return html`<ul class="key" aria-hidden="true">${block.categories.map((label, at) => html`<li class=${category(at)}>${label}</li>`)}</ul>
    <table class="bars stack"><tbody>${block.rows.map((row) => html`<tr><th scope="row">${row.label}</th>
      <td><span class="rail parts" role="img" aria-label=${block.categories.map((label, at) => `${label} ${percent(row.shares[at])}`).join(", ")}>${row.shares.map((share, at) => (share ? html`<i class=${category(at)} style=${{ width: `${100 * share}%` }} title=${`${block.categories[at]} ${percent(share)}`}></i>` : null))}</span></td>
      <td class="figure">${isNumber(row.n) ? count(row.n) : ""}</td></tr>`)}</tbody></table>`;
}

const KINDS = { text: Text, table: Table, curves: Curves, bars: Bars, stack: Stack };
