// The one source of data: a server that answers, or chunks of a folder that was written before.
import { signal } from "../vendor.js";
import { harmless } from "./text.js";

export const isStatic = document.documentElement.hasAttribute("data-static");
export const start = signal(null);

const MAX_KEPT = 600;
const known = new Map(); // of a site: values that chunks have put
const asked = new Map(); // key: promise
const chunks = new Map(); // file: promise

export class SourceError extends Error {
  constructor(message, hint = "", expected = "") {
    super(message);
    this.hint = [expected && `Expected: ${expected}.`, hint].filter(Boolean).join("\n");
  }
}

// What chunks call; values are made harmless when they are taken.
globalThis.neurolect = {
  put(values) {
    for (const [key, value] of Object.entries(values)) known.set(key, value);
  },
};

export function get(...parts) {
  const key = parts.join("/");
  if (!asked.has(key)) {
    const promise = (isStatic ? fromChunk(parts, key) : fromServer("data", parts)).then(harmless);
    asked.set(key, promise);
    promise.catch(() => asked.delete(key));
    if (asked.size > MAX_KEPT) asked.delete(asked.keys().next().value);
  }
  return asked.get(key);
}

async function fromServer(...path) {
  return answered(await reached(path.flat().map(encodeURIComponent).join("/")));
}

async function reached(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new SourceError("The server does not answer.", "Is neurolect serve still running?");
  }
}

async function answered(response) {
  const isJson = (response.headers.get("content-type") || "").includes("json");
  const value = isJson ? await response.json() : null;
  if (response.ok && isJson) return value;
  const error = (value && value.error) || {};
  const message = typeof error === "string" ? error : error.message || `The server answers with status ${response.status}.`;
  throw new SourceError(message, error.hint || (response.status === 429 ? "Wait a moment: the rate is limited." : ""), error.expected);
}

// Questions that only a server answers.
export async function ask(run, query) {
  const address = `ask/${run}?${new URLSearchParams(query)}`;
  return harmless(await answered(await reached(address)));
}

export async function askModel(what, body) {
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return harmless(await answered(await reached(`model/${what}`, options)));
}

async function fromChunk(parts, key) {
  if (!known.has(key)) await load(fileOf(parts));
  if (known.has(key)) return unpacked(known.get(key));
  throw new SourceError("This site does not hold that.", "neurolect serve RUN has everything of a run.");
}

// Chunks write the names of rows once: {"$": names, "r": rows}.
function unpacked(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return typeof value[0] === "object" ? value.map(unpacked) : value; // of numbers or texts: as it is
  if (!Object.hasOwn(value, "$")) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, unpacked(each)]));
  const rows = value.r.map((row) => Object.fromEntries(row.map((each, at) => [value.$[at], unpacked(each)])));
  return value.one ? rows[0] : rows;
}

// Of a site in one file chunks are blocks of the page: JSON, deflated.
async function unzipped(block) {
  const bytes = Uint8Array.from(atob(block.textContent), (each) => each.charCodeAt(0));
  const values = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  globalThis.neurolect.put(values);
}

const folder = document.documentElement.dataset.chunks;

function load(file) {
  if (!chunks.has(file)) {
    const block = document.getElementById(file);
    if (block) chunks.set(file, unzipped(block));
  }
  if (!chunks.has(file)) {
    chunks.set(
      file,
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = folder ? file.replace(/^data/, folder) : file;
        script.onload = resolve;
        script.onerror = () => {
          chunks.delete(file);
          script.remove();
          reject(new SourceError("A part of this site is missing.", `Its folder should have ${file}; copy the whole folder.`));
        };
        document.head.append(script);
      }),
    );
  }
  return chunks.get(file);
}

// The rule that says which file a key is in: docs/explorer.md.
function fileOf(parts) {
  const [kind, number, name, piece] = parts;
  if (kind === "card" || kind === "list") {
    const run = start.value.runs[number];
    const size = start.value.chunks[kind];
    if (!size) throw new SourceError("This site holds the strongest sentences of lists only.", "neurolect serve RUN has whole lists.");
    return `data/${kind}-${number}-${Math.floor(neuronId(run, name) / size)}.js`;
  }
  if (kind === "column" || kind === "map" || kind === "order") {
    const names = start.value.runs[number][kind === "map" ? "maps" : "columns"].map((each) => each.name);
    return `data/${kind}-${number}-${names.indexOf(name)}-${piece}.js`;
  }
  return `data/${parts.join("-")}.js`;
}

// Neurons are counted over the sites in order.
export function neuronId(run, address) {
  const at = address.lastIndexOf(".");
  const index = Number(address.slice(at + 1));
  let first = 0;
  for (const { site, layer, width } of run.sites) {
    if (`${site}.${layer}` === address.slice(0, at) && Number.isInteger(index) && index >= 0 && index < width) return first + index;
    first += width;
  }
  throw new SourceError(`There is no neuron ${address} in this run.`, "An address is site.layer.index, e.g. hidden.3.5.");
}
