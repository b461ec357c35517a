// How numbers and foreign texts are written.

// What would turn lines or hide: the rule of neurolect.visible.
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;
const IS_UNSAFE = new RegExp(UNSAFE.source);

export function visible(text) {
  if (!IS_UNSAFE.test(text)) return text;
  return text.replace(UNSAFE, (found) => {
    const code = found.codePointAt(0);
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
}

export function harmless(value) {
  if (typeof value === "string") return visible(value);
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (typeof value[at] !== "number") value[at] = harmless(value[at]);
    return value;
  }
  if (value && typeof value === "object") {
    for (const name of Object.keys(value)) {
      const each = value[name];
      if (typeof each === "number") continue;
      const shown = visible(name);
      if (shown !== name) delete value[name];
      value[shown] = harmless(each);
    }
  }
  return value;
}

export const MISSING = "\u2013";
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
export const count = (value) => (isNumber(value) ? value.toLocaleString("en-US") : MISSING);

// Three significant digits, without exponents where people read numbers without.
export function number(value) {
  if (!isNumber(value)) return MISSING;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(1).replace("-", "\u2212").replace("e+", "e");
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const written = size >= 100 ? Math.round(value).toLocaleString("en-US") : Number.isInteger(value) ? String(value) : value.toFixed(digits);
  return written.replace("-", "\u2212");
}

export function percent(share) {
  if (!isNumber(share)) return MISSING;
  const value = 100 * share;
  const digits = value === 0 || value >= 10 ? 0 : value >= 1 ? 1 : 2;
  return `${value.toFixed(digits)}\u2009%`;
}

export const cut = (text, length = 300) => (text && text.length > length ? `${text.slice(0, length - 1)}\u2026` : text || "");
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const MARKS = { top: "\u25b2", bottom: "\u25bc" };
export const SIDES = { top: "highest", bottom: "lowest" };
export const layerName = (site, layer, single) => (single ? `layer ${layer}` : `${site} ${layer}`);
