// Light, dark, or as the system says; canvases ask here for colours and draw again when they change.
import { signal } from "../vendor.js";

const CHOICES = ["auto", "light", "dark"];
const dark = matchMedia("(prefers-color-scheme: dark)");
export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

// Some browsers refuse storage to pages that are opened from a folder.
function remembered() {
  try {
    return localStorage.getItem("neurolect-colours");
  } catch {
    return null;
  }
}

export const theme = signal(CHOICES.includes(remembered()) ? remembered() : "auto");
export const painted = signal(0); // goes up when colours change

function apply() {
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  painted.value += 1;
}

export function switchTheme() {
  theme.value = CHOICES[(CHOICES.indexOf(theme.value) + 1) % CHOICES.length];
  try {
    localStorage.setItem("neurolect-colours", theme.value);
  } catch {
    // it is forgotten with the page
  }
  apply();
}

dark.addEventListener("change", () => {
  painted.value += 1;
});
apply();

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function channels(written) {
  const hex = written.replace("#", "");
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// Colours in order for numbers; by code for groups, the last for the rest.
export const sequence = () => Array.from({ length: 11 }, (_, at) => channels(colour(`sequence-${at}`)));
export const categories = () => Array.from({ length: 10 }, (_, at) => channels(colour(`category-${at}`)));

export function inSequence(stops, share) {
  const place = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  return stops[low].map((each, at) => Math.round(each + (stops[low + 1][at] - each) * (place - low)));
}
