// The page of one import. The server renders all of it; this script sends what is chosen, and puts
// the parts marked data-live in place of the old ones.

import { Passing, call } from "./api.js";
import { refresh as refreshParts } from "./fresh.js";
import { t } from "./words.js";

const PAUSE = 1000; // milliseconds between two looks while pictures are imported

const { project, import: number } = document.getElementById("lead").dataset;
const address = `/api/v1/projects/${encodeURIComponent(project)}/imports/${number}`;
const form = document.getElementById("options");
const refusal = document.getElementById("refusal");

const stateNow = () => document.getElementById("state").dataset.state;

async function refresh() {
  const before = stateNow();
  const fresh = await refreshParts();
  if (!fresh) return;
  if (form && stateNow() !== "ready") form.remove();
  // What was refused is not chosen.
  for (const field of fresh.querySelectorAll("#options select")) form.elements.namedItem(field.name).value = field.value;
  bind();
  if (before !== stateNow()) document.getElementById("main").focus();
}

/** Look again and again while a worker is at it. */
async function watch() {
  while (stateNow() === "running") {
    await new Promise((done) => setTimeout(done, PAUSE));
    if (!document.hidden) await refresh().catch(() => {});
  }
}

async function act(...request) {
  refusal.hidden = true;
  try {
    await call(...request);
  } catch (error) {
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Look at the state below, then try again.") : error.message;
    refusal.hidden = false;
  }
  await refresh().catch(() => {});
}

/** The buttons and fields, as they are after what was put in place. */
function bind() {
  for (const button of document.querySelectorAll("[data-act]")) button.disabled = false;
  for (const field of form?.elements ?? []) field.disabled = false;
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-act]");
  if (!button) return;
  button.disabled = true;
  await changing;
  await act("POST", `${address}/${button.dataset.act}`);
  watch();
});

let changing = Promise.resolve();

// One change after another: the last one that was chosen is the one that stays.
form?.addEventListener("change", () => {
  const body = {
    ...Object.fromEntries(new FormData(form)),
    create_categories: form.elements.namedItem("create_categories").checked,
  };
  for (const button of document.querySelectorAll("[data-act]")) button.disabled = true;
  changing = changing.then(() => act("PUT", address, { body }));
});

bind();
watch();
