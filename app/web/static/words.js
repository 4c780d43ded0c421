// What the scripts say, in the page's language. The English text is the key. For another language
// the page loads a catalogue before its own script (see base.html), which calls `learn`.

let known = new Map();
let formOf = (n) => (n === 1 ? 0 : 1);

/** Take a catalogue: {English text: translation, or its plural forms}, and which form a number takes. */
export function learn(texts, plural) {
  known = new Map(Object.entries(texts));
  formOf = (n) => Number(plural(n));
}

/** The text in the page's language, with each {name} replaced by vars.name. */
export function t(text, vars) {
  const found = known.get(text) ?? text;
  return fill(Array.isArray(found) ? found[formOf(1)] : found, vars);
}

/** One of two texts by a number, which is {n} in both. */
export function tn(one, many, n, vars) {
  const forms = [known.get(one) ?? []].flat();
  return fill(forms[formOf(n)] ?? (n === 1 ? one : many), { n: count(n), ...vars });
}

/** A whole number with thin groups: 12 345. */
export const count = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

// A Latin name must not turn the direction of an Arabic text around it.
const rtl = document.documentElement.dir === "rtl";
const apart = (value) => (rtl && typeof value === "string" ? `\u2068${value}\u2069` : String(value));

const fill = (text, vars = {}) =>
  text.replace(/\{(\w+)\}/g, (place, name) => (name in vars ? apart(vars[name]) : place));
