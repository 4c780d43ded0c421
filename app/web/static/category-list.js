// A list of categories: given, looked at, saved. The server reads and judges it; saving sends the very
// text that was looked at.

import { Passing, call } from "./api.js";
import { mark, saving } from "./form.js";
import { t, tn } from "./words.js";

const SHOWN = 300; // lines: more would only make the page slow
const at = (id) => document.getElementById(id);
const form = at("categories");
const { chosen, file: list } = form.elements;
const address = `/api/v1/projects/${encodeURIComponent(form.dataset.project)}/categories/import`;
let looked = null; // the text that the preview shows

function send(text, dryRun) {
  const body = new FormData();
  body.append("file", new Blob([text], { type: "text/csv" }), "list.csv");
  body.append("dry_run", String(dryRun));
  return call("POST", address, { body });
}

// --- The file

chosen.addEventListener("change", async () => {
  const [file] = chosen.files;
  if (file) mark(chosen, await taken(file));
  chosen.value = ""; // the same file, mended, may be chosen again
});

/** Puts the text of a file into the field; says why not. */
async function taken(file) {
  const most = Number(chosen.dataset.most);
  if (file.size > most) return t("The list is larger than {most} bytes. Cut it into several.", { most });
  try {
    list.value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return t("This file is not text in UTF-8. Save the list as CSV in UTF-8, then choose it again.");
  }
  mark(list, "");
  forget();
  return "";
}

// --- Looking

list.addEventListener("input", forget);

/** What was looked at is not what the field says any more. */
function forget() {
  looked = null;
  at("preview").hidden = true;
}

saving(
  form,
  async () => {
    forget();
    const text = list.value;
    const { body } = await send(text, true);
    if (list.value === text) show(body, text);
    return body;
  },
  () => {
    form.querySelector("[role=status]").textContent = ""; // nothing was saved yet
  },
);

const OUTCOMES = {
  problem: { said: () => t("has a problem"), sum: (n) => tn("{n} line with a problem", "{n} lines with a problem", n) },
  created: { said: () => t("is new"), sum: (n) => tn("{n} new category", "{n} new categories", n) },
  changed: { said: () => t("changes"), sum: (n) => tn("{n} category changes", "{n} categories change", n) },
  unchanged: { said: () => t("stays as it is"), sum: (n) => tn("{n} category stays as it is", "{n} categories stay as they are", n) },
};
const COLUMN = { scientific_name: 3, definition: 4, look_alikes: 5 };

function show(answer, text) {
  looked = text;
  const order = Object.keys(OUTCOMES);
  const lines = order.flatMap((outcome) => answer.lines.filter((line) => line.outcome === outcome));
  const numbers = { problem: answer.problems, created: answer.created, changed: answer.changed, unchanged: answer.unchanged };
  at("sums").replaceChildren(
    ...order.filter((each) => numbers[each]).map((each) => outcomeOf(each, OUTCOMES[each].sum(numbers[each]))),
  );
  at("lines").replaceChildren(...lines.slice(0, SHOWN).map(row));
  const rest = lines.length - SHOWN;
  at("others").hidden = rest <= 0;
  at("others").textContent = tn("{n} more line is not shown.", "{n} more lines are not shown.", Math.max(rest, 0));
  at("ignored").hidden = !answer.ignored.length;
  at("ignored").textContent = t("These columns are not read: {columns}.", { columns: answer.ignored.join(", ") });
  at("save").hidden = false;
  at("save").disabled = answer.problems > 0 || answer.created + answer.changed === 0;
  at("saved").textContent = whyNot(answer);
  at("not-saved").hidden = true;
  at("onward").hidden = true;
  at("preview").hidden = false;
  at("preview-heading").focus();
}

function whyNot({ problems, created, changed }) {
  if (problems) return t("Mend in the list what is marked, then look again.");
  return created + changed ? "" : t("There is nothing to save: all is as the list says.");
}

function outcomeOf(outcome, text) {
  const shown = document.createElement("span");
  shown.className = `outcome ${outcome}`;
  shown.textContent = text;
  return shown;
}

function row(line) {
  const made = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.append(isolated(line.name || "–"));
  const happens = cell();
  happens.append(outcomeOf(line.outcome, OUTCOMES[line.outcome].said()));
  if (line.problems.length) happens.append(faults(line.problems));
  made.append(number(line.line), name, happens, cell(line.scientific_name), cell(line.definition), cell(line.look_alikes.join("; ")));
  for (const change of line.changes) made.children[COLUMN[change]].className = "differs";
  return made;
}

function number(value) {
  const made = cell();
  made.className = "number";
  made.textContent = value;
  return made;
}

function cell(text = "") {
  const made = document.createElement("td");
  if (text) {
    const cut = isolated(text);
    cut.className = "cut";
    made.append(cut);
  }
  return made;
}

function isolated(text) {
  const made = document.createElement("bdi");
  made.textContent = text;
  return made;
}

function faults(problems) {
  const made = document.createElement("ul");
  made.className = "faults";
  for (const { message } of problems) {
    const item = document.createElement("li");
    item.textContent = message;
    made.append(item);
  }
  return made;
}

// --- Saving

at("save").addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true;
  at("not-saved").hidden = true;
  try {
    const { body } = await send(looked, false);
    button.hidden = true;
    at("saved").textContent = tn("Saved: {n} category.", "Saved: {n} categories.", body.created + body.changed);
    at("onward").hidden = false;
    at("onward").querySelector("a").focus();
  } catch (error) {
    at("not-saved").textContent =
      error instanceof Passing ? t("The server did not answer. Look at the list again before you try once more.") : error.message;
    at("not-saved").hidden = false;
    button.disabled = false;
  }
});
