// One tile, large, beside the examples that are nearest to it.

import { wire } from "./dialogs.js";
import { UNSURE } from "./grid-page.js";
import { t } from "./words.js";
import { Zoom } from "./zoom.js";

const HOLD = 450; // milliseconds that a finger rests on a tile
const STILL = 8; // CSS pixels that it may move meanwhile
const NEAREST = 4;

const at = (id) => document.getElementById(id);
const dialog = at("large");
const zoom = new Zoom(at("large-picture"));
const beside = new Zoom(at("large-example"));

let page = null;
let category = null;
let on = null;
let compared = null;
let busy = false;
let held = false;

wire(dialog);
at("large-back").addEventListener("click", () => step(-1));
at("large-on").addEventListener("click", () => step(1));
at("large-mark").addEventListener("click", () => press());
at("large-unsure").addEventListener("click", () => press(UNSURE));
dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const forward = getComputedStyle(dialog).direction === "rtl" ? -1 : 1;
  const keys = {
    arrowleft: () => step(-forward),
    arrowright: () => step(forward),
    " ": () => !event.repeat && press(),
    u: () => !event.repeat && press(UNSURE),
    o: () => !event.repeat && dialog.close(),
    "+": () => both("in"),
    "=": () => both("in"),
    "-": () => both("out"),
    0: () => both("reset"),
  };
  const act = keys[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});

/**
 * Look closely at the tile under the page's cursor.
 *
 * @param example an image to begin with beside it, or null
 * @param acts {toggle(state), move(by), name(), state(), closed()}
 */
export function open(shownPage, shownCategory, example, acts) {
  [page, category, on] = [shownPage, shownCategory, acts];
  busy = true;
  dialog.showModal();
  show();
  compared = null;
  compare(example);
}

dialog.addEventListener("close", () => {
  zoom.clear();
  beside.clear();
  busy = false;
  on.closed();
});

/** Whether the dialog has the focus, or is about to give it back to where it was opened. */
export const isOpen = () => busy;

function both(step) {
  zoom[step]();
  beside[step]();
}

/** Put an example beside the tile; the same one again takes it away. */
function compare(image) {
  compared = image === compared ? null : image;
  at("large-example").hidden = !compared;
  if (compared) beside.show(picture(compared.screen_url, compared, t("The example")), compared);
}

function step(by) {
  on.move(by);
  show();
}

function press(state) {
  on.toggle(state);
  showMark();
}

function show() {
  const { image, contrast } = page.tile.proposal;
  zoom.show(picture(image.screen_url, image, t("The picture in question")), image);
  const nearest = contrast.exemplars.length ? contrast.exemplars : category.exemplars;
  const { confusable } = contrast;
  at("large-beside").replaceChildren(
    group(t("Examples of {category}", { category: category.name }), nearest),
    ...(confusable ? [group(t("Easily taken for {category}", { category: confusable.name }), confusable.exemplars)] : []),
  );
  showMark();
}

function group(title, images) {
  const heading = document.createElement("h3");
  heading.textContent = title;
  const list = document.createElement("ul");
  for (const image of images.slice(0, NEAREST)) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.append(picture(image.thumbnail_url, image, t("{title}, compare", { title })));
    button.addEventListener("click", () => compare(image));
    item.append(button);
    list.append(item);
  }
  const section = document.createElement("section");
  section.append(heading, list);
  return section;
}

function picture(url, { width, height }, alt) {
  const image = new Image(width, height);
  image.src = url;
  image.alt = alt;
  return image;
}

function showMark() {
  dialog.dataset.state = on.state();
  at("large-title").textContent = on.name();
  const wrong = page.mostly === "yes";
  at("large-mark-word").textContent = wrong ? t("Wrong") : t("Right");
  at("large-mark").setAttribute("aria-pressed", String(["wrong", "right"].includes(on.state())));
  at("large-unsure").setAttribute("aria-pressed", String(on.state() === "unsure"));
  for (const name of ["large-mark", "large-unsure"]) at(name).disabled = ["gone", "broken"].includes(on.state());
  at("large-back").disabled = page.cursor === 0;
  at("large-on").disabled = page.cursor === page.tiles.length - 1;
}

// --- A finger that rests on a tile

export function onHold(element, act) {
  let timer = 0;
  let from = null;
  const stop = () => clearTimeout(timer);
  element.addEventListener("pointerdown", (event) => {
    stop();
    held = false;
    if (event.pointerType === "mouse") return;
    from = event;
    timer = setTimeout(() => {
      held = true;
      act(event);
    }, HOLD);
  });
  element.addEventListener("pointermove", (event) => {
    if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > STILL) stop();
  });
  for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, stop);
  element.addEventListener("contextmenu", (event) => {
    if (from && from.pointerType !== "mouse") event.preventDefault();
  });
}

/** Whether the press that ends now was a long one, which marks nothing. */
export function wasHeld() {
  return held;
}
