// What every labeler page says around its pictures: progress, saving, keys, a word in passing.

import { signOf } from "./keys.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);
const toast = at("toast");

const TOAST = 6000;
const SAVING = 400; // a save that is quicker than this needs no word

let toastTimer = 0;
let savingTimer = 0;

/** Write each button's first key on it. */
export function showKeys(keymap) {
  for (const element of document.querySelectorAll("[data-key-of]")) {
    const keys = keymap.keys(element.dataset.keyOf);
    element.textContent = signOf(keys[0]);
    element.parentElement.setAttribute("aria-keyshortcuts", keys.join(" "));
  }
}

/** Live regions are read aloud when they are written: write only what differs. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    toast.hidden = true;
  }, TOAST);
}

export function announce(text) {
  setText(at("announcer"), text);
}

export function showProgress(progress) {
  at("progress").hidden = !progress;
  if (!progress) return;
  const { decided, total, mine } = progress;
  at("progress-bar").max = Math.max(1, total);
  at("progress-bar").value = decided;
  setText(at("progress-text"), t("{decided} of {total}, yours {mine}", { decided, total, mine }));
}

const SIGNS = {
  idle: () => "",
  sending: () => t("Saving …"),
  offline: (waiting) => t("Offline, {waiting} waiting", { waiting }),
  "signed-out": (waiting) => t("Signed out, {waiting} waiting", { waiting }),
  stale: (waiting) => t("Reload the page, {waiting} waiting", { waiting }),
};

export function showSync(state, waiting) {
  const sign = at("sync");
  clearTimeout(savingTimer);
  const show = () => {
    sign.dataset.state = state;
    setText(sign, SIGNS[state](waiting));
  };
  if (state === "sending" && sign.dataset.state !== "sending") savingTimer = setTimeout(show, SAVING);
  else show();
}
