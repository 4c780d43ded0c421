// The list of keys on "?", where each can be changed.

import { onKey, wire } from "./dialogs.js";
import { keyOf, signOf } from "./keys.js";
import { t } from "./words.js";

const dialog = document.getElementById("help");
const list = document.getElementById("key-list");
const note = document.getElementById("key-note");
const reset = document.getElementById("key-reset");

let keymap = null;
let words = {}; // action -> what it does
let save = async () => {};
let waiting = null; // the action whose new key is awaited

wire(dialog);
dialog.addEventListener("close", () => ask(null));
// Before the dialog's own Escape, and before a focused button takes the key.
dialog.addEventListener("keydown", (event) => waiting && take(event), { capture: true });
onKey(dialog, (event) => {
  if (waiting || event.repeat || keymap.actionOf(event) !== "help") return false;
  dialog.close();
  return true;
});
reset.addEventListener("click", () => {
  keymap.use({});
  keep(t("All keys are as they were at first."));
});

/**
 * @param map a Keymap
 * @param does {action: what it does}, in the order of the list
 * @param onChange (keymap) => promise: keep it for the next visit
 */
export function set(map, does, onChange) {
  [keymap, words, save] = [map, does, onChange];
}

export function open() {
  say("");
  show();
  dialog.showModal();
}

function show() {
  const focused = document.activeElement?.dataset?.action;
  list.replaceChildren(...Object.keys(words).map(line));
  list.querySelector(`[data-action="${focused}"]`)?.focus();
  reset.hidden = !Object.keys(keymap.changed).length;
}

function line(action) {
  const keys = document.createElement("dt");
  for (const key of keymap.keys(action)) keys.append(sign(key), " ");
  const does = document.createElement("dd");
  does.textContent = words[action];
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.dataset.action = action;
  button.textContent = action === waiting ? t("Press a key …") : t("Change");
  button.setAttribute("aria-label", t("Change the key for: {action}", { action: words[action] }));
  button.addEventListener("click", () => ask(action === waiting ? null : action));
  const change = document.createElement("dd");
  change.append(button);
  const group = document.createElement("div");
  group.append(keys, does, change);
  return group;
}

export function sign(key) {
  const element = document.createElement("kbd");
  element.textContent = signOf(key);
  return element;
}

function ask(action) {
  waiting = action;
  if (action) say(t("Press the new key for: {action}. Esc leaves it as it is.", { action: words[action] }));
  if (dialog.open) show();
}

function take(event) {
  const key = keyOf(event);
  if (event.key === "Tab" || key === null) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.repeat) return;
  if (event.key === "Escape") {
    say("");
    ask(null);
    return;
  }
  const obstacle = keymap.change(waiting, key);
  if (obstacle?.action) {
    say(t("{key} is already: {action}. Press another key.", { key: signOf(key), action: words[obstacle.action] ?? obstacle.action }));
  } else if (obstacle) {
    say(t("{key} is needed for other things. Press another key.", { key: signOf(key) }));
  } else {
    const text = t("{key} is now: {action}.", { key: signOf(key), action: words[waiting] });
    waiting = null;
    keep(text);
  }
}

async function keep(text) {
  show();
  say(text);
  try {
    await save(keymap);
  } catch {
    say(t("{text} It could not be saved, so it holds until this page is left.", { text }));
  }
}

function say(text) {
  note.textContent = text;
}
