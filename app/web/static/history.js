// The strip of the last answers: choosing one brings its picture back.

import { onKey, wire } from "./dialogs.js";
import { t } from "./words.js";

const SHOWN = 20;
const dialog = document.getElementById("history");
const list = document.getElementById("history-list");
const empty = document.getElementById("history-empty");

const SAYS = { yes: () => t("Yes"), no: () => t("No"), unsure: () => t("Unsure") };

let choose = () => {};
let shown = null;

wire(dialog);
onKey(dialog, (event) => {
  const buttons = [...list.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  const forward = getComputedStyle(dialog).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const to = { Home: 0, End: buttons.length - 1, ArrowRight: at - 1, ArrowLeft: at - 1, [forward]: at + 1 }[event.key];
  if (to !== undefined) buttons[Math.min(buttons.length - 1, Math.max(0, to))]?.focus();
  else if (event.key.toLowerCase() === "h" && !event.repeat) dialog.close();
  else return false;
});

/** Show the newest entries, the newest first; onChoose(entry) for the one that is brought back. */
export function open(entries, onChoose) {
  choose = onChoose;
  dialog.showModal();
  show(entries);
}

/** The entries have changed: right after a reload they come from the server. */
export function update(entries) {
  if (dialog.open && entries !== shown) show(entries);
}

function show(entries) {
  shown = entries;
  const newest = entries.slice(-SHOWN).reverse();
  list.replaceChildren(...newest.map(item));
  empty.hidden = newest.length > 0;
  list.querySelector("button")?.focus();
}

function item(entry) {
  const picture = new Image();
  // What was shown in this page is still at hand, also without the network.
  picture.src = entry.proposal ? entry.image.screen_url : entry.image.thumbnail_url;
  picture.alt = "";
  const answer = document.createElement("span");
  answer.className = `said ${entry.answer}`;
  answer.textContent = SAYS[entry.answer]?.() ?? entry.answer;
  const category = document.createElement("span");
  category.className = "of";
  category.textContent = entry.category;
  const button = document.createElement("button");
  button.type = "button";
  button.append(picture, answer, category);
  if (entry.picked) {
    const picked = document.createElement("span");
    picked.className = "of";
    picked.textContent = t("rather {category}", { category: entry.picked });
    button.append(picked);
  }
  if (!entry.undoable) button.classList.add("closed");
  button.addEventListener("click", () => {
    dialog.close();
    choose(entry);
  });
  const element = document.createElement("li");
  element.append(button);
  return element;
}
