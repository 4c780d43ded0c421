// Keys that answer once, however long they are held, and that each person may choose.
//
// A key is named by what it types ("y", "?", "+"), or by its word ("arrowright", "backspace"); a word
// with shift is "shift+arrowright".

const AUTOREPEAT = 120; // no finger taps one key faster; remote desktops send repeats as fresh presses

// Keys that browsers, dialogs and focused buttons need.
const KEPT = new Set(["tab", "enter", " ", "escape", "unidentified", "dead", "process"]);
const MODIFIERS = new Set(["shift", "control", "alt", "meta", "altgraph", "capslock", "numlock", "fn"]);
const SIGNS = { arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", " ": "Space" };

/** Which key means what: the page's keys, and what this person changed of them. */
export class Keymap {
  #defaults;
  #fixed;
  #own = {};

  /**
   * @param defaults {action: [key, ...]}, in the order in which they are listed
   * @param fixed {key: action}, keys that cannot be changed
   * @param own {action: [key, ...]}, of this person; actions of other pages are left alone
   */
  constructor(defaults, fixed = {}, own = {}) {
    this.#defaults = defaults;
    this.#fixed = fixed;
    this.use(own);
  }

  get actions() {
    return Object.keys(this.#defaults);
  }

  /** What differs from the page's own keys. */
  get changed() {
    return this.#own;
  }

  use(own) {
    const known = Object.entries(own).filter(([action, keys]) => this.#defaults[action] && keys.length);
    this.#own = Object.fromEntries(known);
  }

  keys(action) {
    return this.#own[action] ?? this.#defaults[action] ?? [];
  }

  actionOf(event) {
    const key = keyOf(event);
    return this.#fixed[key] ?? this.actions.find((action) => this.keys(action).includes(key));
  }

  /** Give an action one key. Answers null, or what stands in the way: {kept: true} or {action}. */
  change(action, key) {
    if (KEPT.has(key) || this.#fixed[key]) return { kept: true };
    const other = this.actions.find((each) => each !== action && this.keys(each).includes(key));
    if (other) return { action: other };
    this.#own = { ...this.#own, [action]: [key] };
    return null;
  }
}

/** The key's name, or null for a key that only changes others. */
export function keyOf(event) {
  const key = event.key.toLowerCase();
  if (MODIFIERS.has(key)) return null;
  // On a keyboard with other letters the place of the key counts.
  if (key.length === 1 && key > "\u007f" && /^Key[A-Z]$/.test(event.code)) return event.code.slice(3).toLowerCase();
  return key.length > 1 && event.shiftKey ? `shift+${key}` : key;
}

/** How a key is written on the page. */
export function signOf(key) {
  if (key.startsWith("shift+")) return `⇧${signOf(key.slice(6))}`;
  return SIGNS[key] ?? key[0].toUpperCase() + key.slice(1);
}

/** Call act(action, event) for each press that means something here; `repeating` actions also while held. */
export function listen(keymap, act, repeating = []) {
  let last = { key: "", at: -Infinity };
  document.addEventListener("keydown", (event) => {
    const held = event.repeat || (event.key === last.key && event.timeStamp - last.at < AUTOREPEAT);
    last = { key: event.key, at: event.timeStamp };
    // A held Enter clicks a focused button again and again.
    if (held && event.key === "Enter") event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.defaultPrevented) return; // a dialog took it, and may be closed by now
    const action = keymap.actionOf(event);
    if (!action || document.querySelector("dialog[open]") || isPressing(event)) return;
    event.preventDefault();
    if (!held || repeating.includes(action)) act(action, event);
  });
}

/** Enter and the space bar press the button that has the focus. */
function isPressing({ key, target }) {
  return (key === "Enter" || key === " ") && target instanceof HTMLElement && target.closest("a, button, summary");
}

function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]");
}
