// The pages of the pool and of one batch. The server renders all of it; this script acts, and puts
// the parts marked data-live in place of the old ones while a worker is at it.

import { Passing, call } from "./api.js";
import { refresh as refreshParts } from "./fresh.js";
import { t } from "./words.js";

const PAUSE = 2000; // milliseconds between two looks

const { project, batch } = document.getElementById("lead").dataset;
const address = `/api/v1/projects/${encodeURIComponent(project)}/batches/${batch}`;
const refusal = document.getElementById("refusal");

const isBusy = () => Boolean(document.querySelector("[data-busy]"));

async function refresh() {
  if (await refreshParts()) bind();
}

let watching = false;

/** Look again and again while a worker is at it. */
async function watch() {
  if (watching) return;
  watching = true;
  while (isBusy()) {
    await new Promise((done) => setTimeout(done, PAUSE));
    if (!document.hidden) await refresh().catch(() => {});
  }
  watching = false;
}

/** The buttons, as they are after what was put in place. */
function bind() {
  for (const button of document.querySelectorAll("[data-act]")) button.disabled = false;
}

async function act(does) {
  refusal.hidden = true;
  try {
    await call("POST", `${address}/${does}`);
  } catch (error) {
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Look at the state below, then try again.") : error.message;
    refusal.hidden = false;
  }
  await refresh().catch(() => {});
  document.getElementById("main").focus();
  watch();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-act]");
  if (!button) return;
  button.disabled = true;
  act(button.dataset.act);
});

bind();
watch();
