// The list of what was changed: taking a change back, after a question.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);
const { project } = at("lead").dataset;
const path = `/api/v1/projects/${encodeURIComponent(project)}/category-changes`;
const dialog = at("undo-dialog");
let asked = null;

function refuse(error) {
  at("refusal").textContent =
    error instanceof Passing
      ? t("The server did not answer. Reload the page to see whether it was done.")
      : error.message;
  at("refusal").hidden = false;
}

/** Whether it can be undone is asked before the question: a refusal says what builds on it. */
async function ask(button) {
  at("refusal").hidden = true;
  button.disabled = true;
  try {
    await call("POST", `${path}/${button.dataset.undo}/undo?dry_run=true`);
    asked = button.dataset.undo;
    at("undo-did").textContent = button.dataset.did;
    dialog.showModal();
  } catch (error) {
    refuse(error);
  } finally {
    button.disabled = false;
  }
}

async function undo() {
  dialog.close();
  try {
    await call("POST", `${path}/${asked}/undo`);
    location.reload();
  } catch (error) {
    refuse(error);
  }
}

wire(dialog);
at("undo").addEventListener("click", undo);
for (const button of document.querySelectorAll("[data-undo]")) {
  button.addEventListener("click", () => ask(button));
  button.disabled = false;
}
