// What people read, by its English text.

/** The text with its {names} filled in. */
export function t(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

/** One text for n = 1, another for every other n; {n} is n. */
export function tn(one, many, n, values = {}) {
  return t(n === 1 ? one : many, { n, ...values });
}
