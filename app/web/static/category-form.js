// The form of one category: what is written is shown as labelers see it, look-alikes are chosen one by one.

import { call } from "./api.js";
import { mark, saving } from "./form.js";
import { t } from "./words.js";

const PAUSE = 250; // milliseconds without a key before the definition is drawn
const at = (id) => document.getElementById(id);
const form = at("category");
const { project, category } = form.dataset;
const { name, scientific_name: scientific, definition, look_alikes: field } = form.elements;
const address = `/api/v1/projects/${encodeURIComponent(project)}`;

// --- The definition

let timer = 0;
let turn = 0;

async function draw() {
  turn += 1;
  const mine = turn;
  try {
    const { body } = await call("POST", `${address}/definitions/preview`, { body: { definition: definition.value } });
    // The server makes safe HTML; an answer that was overtaken is dropped.
    if (mine === turn) at("rendered").innerHTML = body.html;
  } catch {
    // The next letter tries again; saving says what is wrong.
  }
}

definition.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(draw, PAUSE);
});

// --- Look-alikes

const key = (text) => text.trim().replace(/\s+/g, " ").toLowerCase();
const known = new Map([...at("others").options].map(({ value }) => [key(value), value]));
const alike = () => [...at("chosen").querySelectorAll("button")].map(({ value }) => value);

function label(button) {
  button.setAttribute("aria-label", t("Take {name} away", { name: button.value }));
}

/** True unless the field holds something that is no category. */
function add() {
  const wanted = key(field.value);
  if (!wanted) return true;
  const found = known.get(wanted);
  if (!found) return mark(field, t("There is no other category with this name. Create it first, then name it here."));
  mark(field, "");
  field.value = "";
  if (alike().includes(found)) return true;
  const button = document.createElement("button");
  button.className = "quiet";
  button.type = "button";
  button.value = found;
  button.append(document.createElement("bdi"));
  button.firstChild.textContent = found;
  label(button);
  const item = document.createElement("li");
  item.append(button);
  at("chosen").append(item);
  return true;
}

at("add").addEventListener("click", () => {
  add();
  field.focus();
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !field.value.trim()) return;
  event.preventDefault(); // Enter adds; in the empty field it saves
  add();
});
at("chosen").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  button.parentElement.remove();
  field.focus();
});
for (const each of at("chosen").querySelectorAll("button")) label(each);

// --- Saving

class Unknown extends Error {
  fields = [{ field: "look_alikes", message: at("look_alikes-problem").textContent }];
}

saving(
  form,
  () => {
    if (!add()) throw new Unknown();
    const body = {
      name: name.value,
      scientific_name: scientific.value,
      definition: definition.value,
      look_alikes: alike(),
    };
    return category
      ? call("PUT", `${address}/categories/${category}`, { body })
      : call("POST", `${address}/categories`, { body });
  },
  ({ body }) => location.assign(`/projects/${encodeURIComponent(project)}/categories/${body.id}`),
);
