// The map of all neurons: coloured by any number or group; draw around some and they are listed.
import { html, useEffect, useMemo, useRef, useState } from "../vendor.js";
import { cardLink, go, here, link, ofRun } from "./address.js";
import { addressOf, column, quantiles, sideOf } from "./columns.js";
import { isInside, places } from "./filters.js";
import { Choice, Failure, Select, Side, Waiting, usePromise } from "./parts.js";
import { Scatter } from "./scatter.js";
import { count, cut, number, plural } from "./text.js";
import { categories, channels, colour, inSequence, painted, sequence } from "./theme.js";

const N_LISTED = 40;
const SHADES = 64;

export function NeuronMap({ now }) {
  const maps = [...(now.maps || []), { name: "grid", label: "layers by index (no relations needed)" }];
  const groups = now.columns.filter((each) => (each.type === "number" && each.name !== "index") || each.type === "category");
  const [map, setMap] = useState(maps[0].name);
  const [by, setBy] = useState((groups.find((each) => each.name === "kind") || groups[0]).name);
  const [side, setSide] = useState(here.peek().query.get("side") || now.sides[0]);
  const found = usePromise(async () => ({ ...(await places(now, map)), by: await column(now, by), names: await column(now, "name").catch(() => null), map }), [now, map, by]);
  return html`<div class="tools"><${Select} label="Map" value=${map} options=${maps.map((each) => [each.name, each.label])} onChange=${setMap} />
      <${Select} label="Coloured by" value=${by} options=${groups.map((each) => [each.name, each.label])} onChange=${setBy} />
      ${now.sides.length > 1 ? html`<${Select} label="List" value=${side} options=${[["top", "\u25b2 highest"], ["bottom", "\u25bc lowest"], ["", "both"]]} onChange=${setSide} />` : null}</div>
    ${found.error ? html`<${Failure} error=${found.error} />` : found.value ? html`<${Canvas} now=${now} found=${found.value} side=${side} label=${groups.find((each) => each.name === by).label} />` : html`<${Waiting} what="Loading the map" />`}`;
}

// Codes of colours: nine groups and the rest, or shades of a number between its 2nd and 98th percentile.
function coloured({ type, labels, values }) {
  if (type === "category") {
    const sizes = labels.map((_, code) => values.reduce((sum, each) => sum + (each === code), 0));
    const largest = labels.map((_, code) => code).sort((a, b) => sizes[b] - sizes[a]);
    const rank = new Map(largest.map((code, place) => [code, place]));
    const shown = largest.slice(0, 9);
    const key = shown.map((code, place) => [labels[code], place]);
    return { codes: Uint8Array.from(values, (code) => (code < 0 ? 9 : Math.min(9, rank.get(code)))), palette: categories(), key: labels.length > 9 ? [...key, ["others", 9]] : key };
  }
  const [low, high] = quantiles(values, [0.02, 0.98]) || [0, 1];
  const stops = sequence();
  const palette = [...Array.from({ length: SHADES }, (_, at) => inSequence(stops, at / (SHADES - 1))), channels(colour("line"))];
  const codes = Uint8Array.from(values, (value) => (Number.isFinite(value) ? Math.max(0, Math.min(SHADES - 1, Math.round(((value - low) / (high - low || 1)) * (SHADES - 1)))) : SHADES));
  return { codes, palette, ends: [low, high] };
}

function Canvas({ now, found, side, label }) {
  const canvas = useRef(null);
  const plot = useRef(null);
  const [tool, setTool] = useState("move");
  const [over, setOver] = useState(null);
  const [outline, setOutline] = useState([]);
  const [picked, setPicked] = useState(null);
  const drag = useRef(null);
  const version = painted.value;
  const colours = useMemo(() => coloured(found.by), [found.by, version]);
  const shown = useMemo(() => (side ? Uint8Array.from({ length: now.n_rows }, (_, row) => sideOf(now, row) === side) : null), [now, side]);

  useEffect(() => {
    plot.current = plot.current || new Scatter(canvas.current);
    plot.current.set({ x: found.x, y: found.y, colours: colours.codes, palette: colours.palette, ground: channels(colour("sheet")), shown });
  }, [found, colours, shown]);
  useEffect(() => {
    const observer = new ResizeObserver(() => plot.current && plot.current.draw());
    observer.observe(canvas.current);
    // Turning the wheel over the map comes nearer instead of scrolling the page: such a listener must not be passive.
    const element = canvas.current;
    const wheel = (event) => {
      event.preventDefault();
      const [px, py] = placeOf(event);
      plot.current.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), px, py);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, []);

  function placeOf(event) {
    const box = canvas.current.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
  const rowAt = (event) => plot.current.nearest(...placeOf(event), event.pointerType === "touch" ? 24 : 12);

  function down(event) {
    canvas.current.setPointerCapture(event.pointerId);
    const isDrawing = tool === "draw" || event.shiftKey;
    const corners = [plot.current.toData(...placeOf(event))];
    drag.current = { last: placeOf(event), first: placeOf(event), isDrawing, corners, moved: false };
    if (isDrawing) setOutline(corners);
  }
  function move(event) {
    const here = placeOf(event);
    if (!drag.current) {
      const row = rowAt(event);
      setOver(row >= 0 ? { row, at: here } : null);
      return;
    }
    const { last, first, isDrawing } = drag.current;
    if (Math.hypot(here[0] - first[0], here[1] - first[1]) > 3) drag.current.moved = true;
    if (isDrawing) setOutline((drag.current.corners = [...drag.current.corners, plot.current.toData(...here)]));
    else if (drag.current.moved) plot.current.move(here[0] - last[0], here[1] - last[1]);
    drag.current.last = here;
    setOver(null);
    if (!isDrawing && outline.length) setOutline([...outline]);
  }
  function up(event) {
    const ended = drag.current;
    drag.current = null;
    if (!ended) return;
    if (ended.isDrawing) pick(ended.corners);
    else if (!ended.moved) {
      const row = rowAt(event);
      if (row >= 0) go(cardLink(now.n, addressOf(now, row), sideOf(now, row)));
    }
  }
  function pick(corners) {
    if (corners.length < 3) return clear();
    const rows = [];
    for (let row = 0; row < now.n_rows; row++) if ((!shown || shown[row]) && isInside(found.x[row], found.y[row], corners)) rows.push(row);
    setPicked({ rows, corners });
    return setTool("move");
  }
  function clear() {
    setOutline([]);
    setPicked(null);
  }
  function inView() {
    const [width, height] = plot.current.size;
    const corners = [[0, 0], [width, 0], [width, height], [0, height]].map(([px, py]) => plot.current.toData(px, py));
    setOutline(corners);
    pick(corners);
  }
  function onKeyDown(event) {
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const [width, height] = plot.current.size;
    if (moves[event.key]) plot.current.move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") plot.current.zoom(1.4, width / 2, height / 2);
    else if (event.key === "-") plot.current.zoom(1 / 1.4, width / 2, height / 2);
    else if (event.key === "0") plot.current.fit(), plot.current.draw();
    else if (event.key === "Escape") clear();
    else return;
    event.preventDefault();
    setOutline((before) => [...before]);
  }
  const zoom = (factor) => {
    const [width, height] = plot.current.size;
    if (factor) plot.current.zoom(factor, width / 2, height / 2);
    else plot.current.fit(), plot.current.draw();
    setOutline((before) => [...before]);
  };
  return html`<div class="map-box"><div class="map-canvas">
      <canvas ref=${canvas} class=${tool} tabindex="0" role="img" aria-label=${`Map of neurons, coloured by ${label}. Arrows move it, plus and minus change the scale, 0 shows all; the table of neurons holds the same.`}
        onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerLeave=${() => setOver(null)} onKeyDown=${onKeyDown}></canvas>
      <svg class="outline" aria-hidden="true">${outline.length > 1 && plot.current ? html`<polygon points=${outline.map(([x, y]) => plot.current.toScreen(x, y).map((each) => each.toFixed(1)).join(",")).join(" ")} />` : null}</svg>
      ${over ? html`<div class="tip" style=${{ left: `${over.at[0] + 12}px`, top: `${over.at[1] + 12}px` }}><${Side} side=${sideOf(now, over.row)} /> <span class="address">${addressOf(now, over.row)}</span> ${found.names ? cut(found.names.values[over.row] || "no clear theme", 60) : ""} <span class="dim">${found.by.type === "number" ? number(found.by.values[over.row]) : found.by.labels[found.by.values[over.row]] || ""}</span></div>` : null}
      <div class="map-tools"><${Choice} label="What dragging does" value=${tool} options=${[["move", "Move"], ["draw", "Draw around"]]} onChange=${setTool} />
        <button type="button" onClick=${() => zoom(1.5)}><span aria-hidden="true">+</span><span class="hidden">Nearer</span></button><button type="button" onClick=${() => zoom(1 / 1.5)}><span aria-hidden="true">\u2212</span><span class="hidden">Farther</span></button>
        <button type="button" onClick=${() => zoom(0)}>All</button><button type="button" onClick=${inView}>List what is in view</button></div></div>
    <div class="map-side">${colours.key
      ? html`<ul class="key">${colours.key.map(([text, place]) => html`<li class=${`category-${place}`}>${cut(text, 40)}</li>`)}</ul>`
      : html`<div class="ramp" aria-hidden="true"><span>${number(colours.ends[0])}</span><span class="colours">${colours.palette.slice(0, SHADES).map((each) => html`<i style=${{ background: `rgb(${each.join(" ")})` }}></i>`)}</span><span>${number(colours.ends[1])}</span></div>`}
      <div role="status">${picked ? html`<h3>${plural(picked.rows.length, "list")} in the area</h3>` : html`<p class="note">${count(shown ? now.n_neurons : now.n_rows)} points. Choose \u201cDraw around\u201d, or hold Shift and drag, to list some.</p>`}</div>
      ${picked ? html`<ul class="plain-list picked">${picked.rows.slice(0, N_LISTED).map((row) => html`<li><a href=${cardLink(now.n, addressOf(now, row), sideOf(now, row))}><${Side} side=${sideOf(now, row)} /> <span class="address">${addressOf(now, row)}</span></a> <span class="dim">${found.names ? cut(found.names.values[row] || "no clear theme", 50) : ""}</span></li>`)}</ul>
        <p><a class="button" href=${link(["neurons"], { ...ofRun(now.n), f: [`area:${written(found.map, picked.corners)}`, ...(side ? [`side:${side}`] : [])] })}>Open all in the table</a> <button type="button" onClick=${clear}>Clear</button></p>` : null}</div></div>`;
}

// An outline for the address: forty corners are enough.
function written(map, corners) {
  const step = Math.max(1, Math.ceil(corners.length / 40));
  return [map, ...corners.filter((_, at) => at % step === 0).map(([x, y]) => `${+x.toPrecision(4)},${+y.toPrecision(4)}`)].join(";");
}
