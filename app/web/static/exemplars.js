// The exemplars of a category: chosen, ordered and removed by hand. Each change is saved at once.

import { Passing, call } from "./api.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);
const { project, category, most } = at("choice").dataset;
const base = `/api/v1/projects/${encodeURIComponent(project)}`;
const path = `${base}/categories/${category}/exemplars`;
const list = at("exemplars");
const saved = at("exemplars-saved");
const refusal = at("refusal");
const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";

let chosen = [...list.children].map(({ dataset }) => dataset.sha256);
let asked = [...list.children].filter((each) => "asked" in each.dataset).map(({ dataset }) => dataset.sha256);
let byHand = !at("by-hand").hidden;
let selected = null;
let dragged = null;

// --- Showing

function show() {
  if (!chosen.includes(selected)) selected = null;
  list.replaceChildren(...chosen.map(item));
  at("no-exemplar").hidden = chosen.length > 0;
  at("by-hand").hidden = !byHand;
  at("by-model").hidden = byHand;
  for (const button of at("exemplar-actions").children) {
    button.disabled = button.dataset.act === "reset" ? !byHand : selected === null;
  }
  for (const button of document.querySelectorAll("[data-add]")) button.disabled = chosen.includes(button.dataset.add);
}

function item(sha256, place) {
  const picture = new Image(160, 160);
  picture.src = `${base}/images/${sha256}/thumbnail`;
  picture.alt = t("Exemplar {place}", { place: String(place + 1) });
  picture.draggable = false; // the item is dragged, not its picture
  const button = document.createElement("span"); // Firefox drags nothing that has a button in it
  button.role = "button";
  button.tabIndex = 0;
  button.setAttribute("aria-pressed", sha256 === selected);
  button.append(picture);
  const made = document.createElement("li");
  made.dataset.sha256 = sha256;
  made.draggable = true;
  made.append(button);
  if (asked.includes(sha256)) {
    made.dataset.asked = "";
    const note = document.createElement("p");
    note.className = "soft";
    note.textContent = t("asked in this round, shown after it");
    made.append(note);
  }
  return made;
}

const focusOn = (place) => list.children[place]?.querySelector("[role=button]").focus();

function select(place) {
  if (place < 0 || place >= chosen.length) return;
  selected = chosen[place];
  show();
  focusOn(place);
}

// --- Changing

function put(next) {
  chosen = next;
  byHand = true;
  show();
  save();
}

function moveTo(sha256, place) {
  if (place < 0 || place >= chosen.length || chosen[place] === sha256) return;
  const others = chosen.filter((each) => each !== sha256);
  put(others.toSpliced(place, 0, sha256));
}

function add(sha256, place = chosen.length) {
  if (chosen.length >= Number(most)) return refuse(t("There are {most} exemplars: remove one first.", { most }));
  put(chosen.toSpliced(place, 0, sha256));
}

function remove(sha256) {
  if (chosen.length === 1) return refuse(t("One exemplar must stay. Add another first, or let the model choose."));
  const place = chosen.indexOf(sha256);
  put(chosen.filter((each) => each !== sha256));
  select(Math.min(place, chosen.length - 1));
}

// --- Saving: one request at a time, and what was changed meanwhile with the next

let saving = false;
let wanted = null;

// They outlive the page: who changes something and leaves at once does not lose it.
const save = () => send(() => call("PUT", path, { body: { exemplars: chosen }, keepalive: true }));
const reset = () => send(() => call("DELETE", path, { keepalive: true }));
addEventListener("pagehide", () => wanted?.());

async function send(request) {
  wanted = request;
  if (saving) return;
  saving = true;
  refusal.hidden = true;
  saved.textContent = "";
  try {
    let answer = null;
    while (wanted) {
      const next = wanted;
      wanted = null;
      answer = await next();
    }
    take(answer.body);
    saved.textContent = t("Saved.");
  } catch (error) {
    wanted = null;
    refuse(error instanceof Passing ? t("The server did not answer. Nothing was saved; try again.") : error.message);
    await call("GET", path).then(({ body }) => take(body)).catch(() => {});
  } finally {
    saving = false;
  }
}

/** What the server holds now; the focus stays where it was. */
function take({ by_hand, exemplars, asked: waiting }) {
  const place = [...list.children].findIndex((each) => each.contains(document.activeElement));
  chosen = exemplars.map(({ sha256 }) => sha256);
  asked = waiting;
  byHand = by_hand;
  show();
  if (place >= 0) focusOn(Math.min(place, chosen.length - 1));
}

function refuse(sentence) {
  refusal.textContent = sentence;
  refusal.hidden = false;
}

// --- Keys, clicks, dragging

const itemOf = (target) => target.closest?.("#exemplars > li") ?? null;

list.addEventListener("click", ({ target }) => {
  const place = [...list.children].indexOf(itemOf(target));
  if (place >= 0) select(place);
});

list.addEventListener("keydown", (event) => {
  const place = [...list.children].indexOf(itemOf(event.target));
  const arrow = event.key === "ArrowLeft" || event.key === "ArrowRight";
  const press = event.key === "Enter" || event.key === " ";
  if (place < 0 || !(arrow || press || event.key === "Delete")) return;
  event.preventDefault();
  if (press) return select(place);
  const sha256 = chosen[place];
  const beside = event.key === forward ? place + 1 : place - 1;
  if (event.key === "Delete") return remove(sha256);
  if (!event.shiftKey) return select(beside);
  selected = sha256;
  moveTo(sha256, beside);
  focusOn(chosen.indexOf(sha256));
});

at("exemplar-actions").addEventListener("click", ({ target }) => {
  const act = target.closest("button")?.dataset.act;
  if (act === "reset") reset();
  if (act === "remove") remove(selected);
  if (act === "back") moveTo(selected, chosen.indexOf(selected) - 1);
  if (act === "on") moveTo(selected, chosen.indexOf(selected) + 1);
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-add]");
  if (button) add(button.dataset.add);
});

list.addEventListener("dragstart", (event) => {
  dragged = itemOf(event.target)?.dataset.sha256 ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged);
  itemOf(event.target).classList.add("dragged");
});
list.addEventListener("dragover", (event) => {
  if (dragged) event.preventDefault();
});
list.addEventListener("drop", (event) => {
  const place = [...list.children].indexOf(itemOf(event.target));
  if (!dragged || place < 0) return;
  event.preventDefault();
  moveTo(dragged, place);
});
list.addEventListener("dragend", () => {
  dragged = null;
  show();
});

show();
