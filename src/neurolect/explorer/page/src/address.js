// The address holds the state: #/page/part?name=value.
import { computed, signal } from "../vendor.js";
import { start } from "./source.js";

function parsed() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query || "") };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const here = signal(parsed());
addEventListener("hashchange", () => {
  here.value = parsed();
});

export function link(path, query = {}) {
  const parts = path.map(encodeURIComponent).join("/");
  const entries = Object.entries(query).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, each]));
  const asked = new URLSearchParams(entries.filter(([, value]) => value !== "" && value !== null && value !== undefined));
  return `#/${parts}${asked.size ? `?${asked}` : ""}`;
}

export function go(address, { replace = false } = {}) {
  if (!replace) {
    location.hash = address;
  } else {
    history.replaceState(null, "", address);
    here.value = parsed();
  }
}

// Change some of the state and keep the rest; typing replaces, other changes can be taken back.
export function change(values, { replace = false } = {}) {
  const { path, query } = here.peek();
  const kept = {};
  for (const name of query.keys()) kept[name] = query.getAll(name);
  go(link(path, { ...kept, ...values }), { replace });
}

// The run that a page is about: part of a card's path, else ?run=.
export const runNumber = computed(() => {
  const { path, query } = here.value;
  const given = path[0] === "card" ? path[1] : query.get("run") || 0;
  const n = Number(given);
  return start.value && Number.isInteger(n) && start.value.runs[n] ? n : 0;
});
export const run = computed(() => (start.value ? start.value.runs[runNumber.value] || null : null));
export const ofRun = (n) => (n ? { run: n } : {});
export const cardLink = (n, address, side) => link(["card", n, address], side === "bottom" ? { side } : {});
