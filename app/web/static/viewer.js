// One exemplar, large, beside the picture in question.

import { wire } from "./dialogs.js";

const dialog = document.getElementById("viewer");
const title = document.getElementById("viewer-title");
const place = document.getElementById("viewer-place");
const candidate = document.getElementById("viewer-candidate");
const example = document.getElementById("viewer-example");
const back = document.getElementById("viewer-back");
const on = document.getElementById("viewer-on");

let shown = { exemplars: [], index: 0 };

wire(dialog);
back.addEventListener("click", () => step(-1));
on.addEventListener("click", () => step(1));
dialog.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.key in steps) step(steps[event.key]);
  else if (event.key.toLowerCase() === "e" && !event.repeat) dialog.close();
  else if (/^[1-9]$/.test(event.key)) show(Number(event.key) - 1);
  else return;
  event.preventDefault();
});

export function open(category, image, index) {
  if (!category.exemplars[index]) return;
  shown = { exemplars: category.exemplars, index };
  title.textContent = category.name;
  candidate.replaceChildren(picture(image, "The picture in question"));
  show(index);
  if (!dialog.open) dialog.showModal();
}

function step(by) {
  const { exemplars, index } = shown;
  show((index + by + exemplars.length) % exemplars.length);
}

function show(index) {
  const exemplar = shown.exemplars[index];
  if (!exemplar) return;
  shown.index = index;
  place.textContent = `Example ${index + 1} of ${shown.exemplars.length}`;
  example.replaceChildren(picture(exemplar, place.textContent));
}

function picture({ screen_url: url, width, height }, alt) {
  const image = new Image(width, height);
  image.src = url;
  image.alt = alt;
  return image;
}
