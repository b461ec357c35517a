// A card to take away: as text, as JSON, as a picture.
import { html, useRef, useState } from "../vendor.js";
import { copied, saved } from "./parts.js";
import { MARKS, SIDES, cut, isNumber, number, percent } from "./text.js";

export function CopyMenu({ card, run }) {
  const menu = useRef(null);
  const [said, setSaid] = useState("");
  const done = (text) => {
    setSaid(text);
    menu.current.open = false;
    setTimeout(() => setSaid(""), 4000);
  };
  const copy = async (text, what, name) => {
    if (await copied(text)) return done(`Copied as ${what}.`);
    saved(name, new Blob([text], { type: "text/plain" }));
    return done(`Saved as ${name}.`);
  };
  const picture = async () => {
    const name = `${card.address}.png`;
    const blob = await pictureOf(card, run);
    saved(name, blob);
    done(`Saved as ${name}.`);
  };
  return html`<details class="menu right" ref=${menu}><summary>Copy</summary><div class="menu-list">
    <button type="button" onClick=${() => copy(textOf(card, run), "text", `${card.address}.txt`)}>as text</button>
    <button type="button" onClick=${() => copy(JSON.stringify(card, null, 2), "JSON", `${card.address}.json`)}>as JSON</button>
    <button type="button" onClick=${picture}>as a picture (PNG)</button>
    <button type="button" onClick=${() => copy(location.href, "address", "address.txt")}>address of this page</button>
  </div></details><span class="said" role="status">${said}</span>`;
}

const evidenceLines = (side) =>
  Object.entries(side.evidence).flatMap(([name, rows]) => (Array.isArray(rows) ? [[name, rows]] : Object.entries(rows))).filter(([, rows]) => rows.length);

export function textOf(card, run) {
  const lines = [`${card.address}  ${card.model.name}, run ${run.name}`];
  for (const side of card.sides) {
    lines.push("", `${MARKS[side.side]} ${SIDES[side.side]} for: ${side.name || "no clear theme"}`);
    for (const [name, rows] of evidenceLines(side)) {
      lines.push(`  ${name}: ${rows.slice(0, 6).map((row) => `${cut(row.label, 60)} ${percent(row.share_list)} (corpus ${percent(row.share_background)})`).join(", ")}`);
    }
    const found = side.fidelity;
    if (found && isNumber(found.auroc)) lines.push(`  fidelity: ${number(found.auroc)} (${number(found.low)} to ${number(found.high)}; coin 0.5)`);
    for (const row of side.examples.slice(0, 10)) lines.push(`  ${number(row.activation)}  ${cut(row.text.replace(/\s+/g, " "), 400)}`);
  }
  return `${lines.join("\n")}\n`;
}

const WIDTH = 1000;

// Drawn on a canvas: no other site, no style of the page can be missing.
async function pictureOf(card, run) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d");
  const paint = (isMeasured) => {
    let y = 48;
    const write = (text, font, fill, x = 40, width = WIDTH - 80, step = 24) => {
      brush.font = font;
      brush.fillStyle = fill;
      for (const line of wrapped(brush, text, width)) {
        if (!isMeasured) brush.fillText(line, x, y);
        y += step;
      }
    };
    write(`${card.model.name} \u00b7 ${run.name}`, "14px system-ui, sans-serif", colour("dim"));
    write(card.address, "600 30px ui-monospace, monospace", colour("ink"), 40, WIDTH - 80, 40);
    for (const side of card.sides) {
      y += 12;
      write(`${MARKS[side.side]} ${side.name || "no clear theme"}`, "600 19px system-ui, sans-serif", colour(side.side), 40, WIDTH - 80, 28);
      const words = evidenceLines(side).slice(0, 3).map(([name, rows]) => `${name}: ${rows.slice(0, 5).map((row) => cut(row.label, 30)).join(", ")}`);
      for (const line of words) write(line, "14px system-ui, sans-serif", colour("dim"), 40, WIDTH - 80, 20);
      y += 6;
      for (const row of side.examples.slice(0, 5)) {
        const from = y;
        write(number(row.activation), "13px ui-monospace, monospace", colour(side.side), 40, 70);
        y = from;
        write(cut(row.text.replace(/\s+/g, " "), 260), "17px Georgia, serif", colour("ink"), 112, WIDTH - 152);
      }
    }
    y += 14;
    write("neurolect", "600 13px ui-monospace, monospace", colour("dim"));
    return y;
  };
  const height = paint(true);
  canvas.width = 2 * WIDTH;
  canvas.height = 2 * height;
  brush.scale(2, 2);
  brush.fillStyle = colour("sheet");
  brush.fillRect(0, 0, WIDTH, height);
  paint(false);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function wrapped(brush, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (brush.measureText(longer).width <= width || !lines[lines.length - 1]) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.slice(0, 4);
}
