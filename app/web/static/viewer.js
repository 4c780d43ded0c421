// One of the pictures beside the candidate, large, next to it. Both can be looked at closely.

import { onKey, wire } from "./dialogs.js";
import { t } from "./words.js";
import { Zoom } from "./zoom.js";

const dialog = document.getElementById("viewer");
const title = document.getElementById("viewer-title");
const place = document.getElementById("viewer-place");
const back = document.getElementById("viewer-back");
const on = document.getElementById("viewer-on");
const candidate = new Zoom(document.getElementById("viewer-candidate"));
const example = new Zoom(document.getElementById("viewer-example"));

let shown = { items: [], index: 0 };

wire(dialog);
back.addEventListener("click", () => step(-1));
on.addEventListener("click", () => step(1));
onKey(dialog, (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.key in steps) step(steps[event.key]);
  else if (event.key.toLowerCase() === "e" && !event.repeat) dialog.close();
  else if (/^[1-9]$/.test(event.key)) show(Number(event.key) - 1);
  else if ("+=-0".includes(event.key)) both(event.key);
  else return false;
});

/** Enlarge items[index]; `items` are those of `contrast.listed`, `picture` is the candidate's. */
export function open(items, picture, index) {
  if (!items[index]) return;
  shown = { items, index };
  if (!dialog.open) dialog.showModal();
  candidate.show(element(picture, t("The picture in question")), picture);
  show(index);
}

function step(by) {
  const { items, index } = shown;
  show((index + by + items.length) % items.length);
}

function show(index) {
  const item = shown.items[index];
  if (!item) return;
  shown.index = index;
  title.textContent = item.title;
  dialog.dataset.kind = item.kind;
  const words = { n: item.index + 1, of: item.of };
  place.textContent = item.kind === "true" ? t("Example {n} of {of}", words) : t("{n} of {of}", words);
  example.show(element(item.image, place.textContent), item.image);
}

function both(key) {
  for (const zoom of [candidate, example]) {
    if (key === "0") zoom.reset();
    else if (key === "-") zoom.out();
    else zoom.in();
  }
}

function element({ screen_url: url, width, height }, alt) {
  const image = new Image(width, height);
  image.src = url;
  image.alt = alt;
  return image;
}
