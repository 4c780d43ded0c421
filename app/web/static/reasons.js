// Why a no: one more key, never asked for. 1 to 5 are the likeliest other categories, 6 to 8 the rest.

import { onKey, wire } from "./dialogs.js";
import { t } from "./words.js";

const dialog = document.getElementById("reasons");
const list = document.getElementById("reason-list");
const title = document.getElementById("reasons-title");

const OTHERS = [
  ["6", "unknown-species", () => t("A species that is not in the list")],
  ["7", "not-in-domain", () => t("Not in this field at all")],
  ["8", "bad-picture", () => t("A bad picture: nobody can tell")],
];

let choose = () => {};

wire(dialog);
onKey(dialog, (event) => {
  const button = list.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  const buttons = [...list.querySelectorAll("button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (button && !event.repeat) button.click();
  else if (step) buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
  else if (event.key.toLowerCase() === "r" && !event.repeat) dialog.close();
  else return false;
});

/** Ask why the picture is not one of `category`; onChoose({reason, category_id}, label) answers no. */
export function open(category, likely, onChoose) {
  choose = onChoose;
  title.textContent = t("No {category}: why?", { category });
  const picks = likely.slice(0, 5).map(({ category_id, name }, index) =>
    item(String(index + 1), name, { reason: "other-category", category_id }),
  );
  const others = OTHERS.map(([key, reason, text]) => item(key, text(), { reason, category_id: null }));
  others[0].classList.add("apart");
  list.replaceChildren(...picks, ...others);
  dialog.showModal();
  list.querySelector("button").focus();
}

function item(key, text, chosen) {
  const sign = document.createElement("kbd");
  sign.textContent = key;
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.key = key;
  button.setAttribute("aria-keyshortcuts", key);
  button.append(sign, text);
  button.addEventListener("click", () => {
    dialog.close();
    choose(chosen, text);
  });
  const element = document.createElement("li");
  element.append(button);
  return element;
}
