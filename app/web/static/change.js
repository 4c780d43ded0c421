// The page that changes a category: each form tells what it would do, and does it after a yes.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { saving } from "./form.js";
import { chosenParts, forget, setUpSplit } from "./split.js";
import { count, t, tn } from "./words.js";

const at = (id) => document.getElementById(id);
const { project, category, name } = at("lead").dataset;
const base = `/projects/${encodeURIComponent(project)}/categories`;
const path = `/api/v1/projects/${encodeURIComponent(project)}/category-changes`;
const dialog = at("sure");
const category_id = Number(category);
let agreed = () => {};

// --- What it would do

function sentences(effect, into) {
  const told = [
    [
      effect.examples_move,
      into
        ? tn("{n} example moves to {name}.", "{n} examples move to {name}.", effect.examples_move, { name: into })
        : tn("{n} example moves to the parts.", "{n} examples move to the parts.", effect.examples_move),
    ],
    [
      into ? 0 : effect.examples_stay,
      tn("{n} example stays.", "{n} examples stay.", effect.examples_stay),
    ],
    [
      effect.examples_leave,
      tn("{n} example leaves the dataset.", "{n} examples leave the dataset.", effect.examples_leave),
    ],
    [
      effect.hard_negatives_added,
      tn("{n} hard negative is added.", "{n} hard negatives are added.", effect.hard_negatives_added),
    ],
    [
      effect.hard_negatives_stay,
      tn("{n} hard negative stays one.", "{n} hard negatives stay so.", effect.hard_negatives_stay),
    ],
    [
      effect.hard_negatives_leave,
      tn("{n} hard negative holds no more.", "{n} hard negatives hold no more.", effect.hard_negatives_leave),
    ],
    [
      effect.to_pool,
      tn("{n} picture may be asked about again.", "{n} pictures may be asked about again.", effect.to_pool),
    ],
  ];
  const found = told.filter(([number]) => number).map(([, sentence]) => sentence);
  return found.length ? found : [t("The dataset stays as it is.")];
}

function waits({ round, open_questions: open }) {
  if (round === null) return "";
  return tn(
    "Close or cancel round {number} first. It has {n} open question about this category, which the next round asks again.",
    "Close or cancel round {number} first. It has {n} open questions about this category, which the next round asks again.",
    open,
    { number: count(round) },
  );
}

function ask(title, act, told, into) {
  at("sure-title").textContent = title;
  at("sure-effect").replaceChildren(
    ...sentences(told.effect, into).map((sentence) => {
      const line = document.createElement("li");
      line.textContent = sentence;
      return line;
    }),
  );
  const refused = waits(told);
  at("sure-refused").textContent = refused;
  at("sure-refused").hidden = !refused;
  at("do").hidden = Boolean(refused);
  at("do").textContent = act;
  dialog.showModal();
}

// --- Doing it

const NOT_KNOWN = () => t("The server did not answer. Reload the page to see whether it was done.");

function refuse(form, error) {
  const placed = (error.fields ?? []).filter(({ field, message }) => {
    const problem = at(`${field.split(".").at(-1)}-problem`);
    if (problem) problem.textContent = message;
    return problem;
  });
  const refusal = form.querySelector("[role=alert]");
  refusal.textContent = error instanceof Passing ? NOT_KNOWN() : error.message;
  refusal.hidden = placed.length > 0;
}

function changing(form, said, title, act) {
  const button = form.querySelector("[type=submit]");
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.querySelector("[role=alert]").hidden = true;
    for (const problem of form.querySelectorAll(".problem")) problem.textContent = "";
    const { body, into } = said();
    if (!body) return;
    button.disabled = true;
    try {
      const { body: told } = await call("POST", `${path}?dry_run=true`, { body });
      agreed = () => carryOut(form, body);
      ask(title(into), act, told, into);
    } catch (error) {
      refuse(form, error);
    } finally {
      button.disabled = false;
    }
  });
  button.disabled = false;
}

async function carryOut(form, body) {
  dialog.close();
  try {
    await call("POST", path, { body });
    forget();
    location.assign(`${base}/changes`);
  } catch (error) {
    refuse(form, error);
  }
}

function merging() {
  const select = at("into_id");
  if (!select.value) {
    at("into_id-problem").textContent = t("Choose a category.");
    select.focus();
    return {};
  }
  return {
    body: { kind: "merge", category_id, into_id: Number(select.value) },
    into: select.selectedOptions[0].textContent,
  };
}

function splitting() {
  const rest = at("split-form").elements.rest.value;
  return { body: { kind: "split", category_id, parts: chosenParts(), rest } };
}

wire(dialog);
at("do").addEventListener("click", () => agreed());
setUpSplit();
changing(at("merge"), merging, (into) => t("Merge {name} into {other}?", { name, other: into }), t("Merge"));
changing(at("split-form"), splitting, () => t("Split {name}?", { name }), t("Split"));
changing(
  at("retire"),
  () => ({ body: { kind: "retire", category_id } }),
  () => t("Retire {name}?", { name }),
  t("Retire"),
);
saving(
  at("rename"),
  async ({ elements }) => {
    const body = { kind: "rename", category_id, name: elements.name.value, scientific_name: elements.scientific_name.value };
    await call("POST", path, { body });
  },
  () => location.assign(`${base}/${category}`),
);
