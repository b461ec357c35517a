// A table of very many rows: only those in view are there; arrows move, Enter opens, headings sort.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor.js";
import { count } from "./text.js";

const OVERSCAN = 6;

// columns: [{name, label, width, numeric, help}]; rows: numbers of rows, in order; cell(row, column) gives what is in it.
export function Grid({ label, columns, rows, cell, sort, onSort, open, rowHeight, rowName }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const [active, setActive] = useState(0);
  const wantsFocus = useRef(false);
  const measure = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight });

  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    setActive(0);
    if (box.current) box.current.scrollTop = 0;
    measure();
  }, [rows]);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const link = box.current.querySelector(`[data-place="${active}"] a`);
    if (link) {
      wantsFocus.current = false;
      link.focus({ preventScroll: true });
    }
  });

  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  const page = Math.max(1, Math.floor(view.height / rowHeight) - 2);
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity, j: 1, k: -1 };

  function onKeyDown(event) {
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("[role=columnheader]")) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(rows.length - 1, active + moves[event.key]));
    const { current } = box;
    const top = next * rowHeight;
    const head = current.querySelector(".grid-head").offsetHeight;
    if (top < current.scrollTop) current.scrollTop = top;
    else if (top + rowHeight > current.scrollTop + current.clientHeight - head) current.scrollTop = top + rowHeight - current.clientHeight + head;
    wantsFocus.current = true;
    setActive(next);
    measure();
  }

  const template = columns.map((each) => each.width).join(" ");
  return html`<div class="grid-box" ref=${box} onScroll=${measure} onKeyDown=${onKeyDown}>
    <div class="grid" role="grid" aria-label=${label} aria-rowcount=${rows.length + 1} aria-colcount=${columns.length}>
      <div class="grid-head" role="rowgroup"><div role="row" aria-rowindex="1" style=${{ gridTemplateColumns: template }}>
        ${columns.map((each) => {
          const direction = sort && sort.name === each.name ? (sort.descending ? "descending" : "ascending") : null;
          return html`<div role="columnheader" key=${each.name} aria-sort=${direction || "none"} class=${each.numeric ? "numeric" : ""}>
            <button type="button" title=${each.help || `Sort by ${each.label}`} onClick=${() => onSort(each.name)}>
              <span class="head-text">${each.short || each.label}</span><span class="arrow" aria-hidden="true">${direction ? (sort.descending ? "\u2193" : "\u2191") : ""}</span>
            </button></div>`;
        })}
      </div></div>
      <div class="grid-body" role="rowgroup" style=${{ height: `${rows.length * rowHeight}px` }}>
        ${Array.from({ length: Math.max(0, last - first) }, (_, at) => {
          const place = first + at;
          const row = rows[place];
          return html`<div role="row" key=${row} data-place=${place} aria-rowindex=${place + 2} class=${`grid-row${place === active ? " active" : ""}`}
            style=${{ gridTemplateColumns: template, transform: `translateY(${place * rowHeight}px)`, height: `${rowHeight}px` }}
            onClick=${(event) => event.target.closest("a") || String(getSelection()) || open(row)}>
            ${columns.map((each) => html`<div role="gridcell" key=${each.name} class=${`cell ${each.className || ""} ${each.numeric ? "numeric" : ""}`} data-label=${each.short || each.label}>${cell(row, each, place === active ? 0 : -1, () => setActive(place))}</div>`)}
          </div>`;
        })}
      </div>
    </div>
    ${rows.length ? null : rowName}
    <p class="hidden" role="status">${count(rows.length)} rows</p>
  </div>`;
}
