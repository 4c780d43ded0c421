// The page of a dataset version: going back to it, after a question.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { t } from "./words.js";

const { project, version } = document.getElementById("lead").dataset;
const dialog = document.getElementById("back-dialog");
const refusal = document.getElementById("refusal");

async function goBack(button) {
  dialog.close();
  refusal.hidden = true;
  button.disabled = true;
  const slug = encodeURIComponent(project);
  try {
    const { body } = await call("POST", `/api/v1/projects/${slug}/versions/${version}/rollback`);
    location.assign(`/projects/${slug}/versions/${body.number}`);
  } catch (error) {
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Reload the page to see whether it was done.") : error.message;
    refusal.hidden = false;
  } finally {
    button.disabled = false;
  }
}

wire(dialog);
document.getElementById("ask")?.addEventListener("click", () => dialog.showModal());
document.getElementById("go").addEventListener("click", (event) => goBack(event.currentTarget));
