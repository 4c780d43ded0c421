// The pages of the pool and of one batch. The server renders all of it; this script acts, and puts
// the parts marked data-live in place of the old ones while a worker is at it.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { saving } from "./form.js";
import { refresh as refreshParts } from "./fresh.js";
import { count, t, tn } from "./words.js";

const PAUSE = 2000; // milliseconds between two looks

const { project, batch } = document.getElementById("lead").dataset;
const address = `/api/v1/projects/${encodeURIComponent(project)}/batches/${batch}`;
const at = (id) => document.getElementById(id);
const refusal = at("refusal");
const dialog = at("sure");

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
  for (const button of document.querySelectorAll("[data-act], [data-withdraw]")) button.disabled = false;
}

function refuse(error) {
  refusal.textContent =
    error instanceof Passing ? t("The server did not answer. Look at the state below, then try again.") : error.message;
  refusal.hidden = false;
}

async function act(does, body) {
  refusal.hidden = true;
  try {
    await call("POST", `${address}/${does}`, { body });
  } catch (error) {
    refuse(error);
  }
  await refresh().catch(() => {});
  document.getElementById("main").focus();
  watch();
}

// --- Withdrawing: what it would do first

const sentences = ({ leave, stay, examples, hard_negatives: negatives }) =>
  [
    [true, tn("{n} picture leaves the pool.", "{n} pictures leave the pool.", leave)],
    [stay, tn("{n} picture came by another way, too, and stays.", "{n} pictures came by another way, too, and stay.", stay)],
    [examples, tn("{n} picture is an example by now.", "{n} pictures are examples by now.", examples)],
    [negatives, tn("{n} picture is a hard negative by now.", "{n} pictures are hard negatives by now.", negatives)],
  ].flatMap(([told, sentence]) => (told ? [sentence] : []));

async function ask(button) {
  refusal.hidden = true;
  try {
    const { body } = await call("POST", `${address}/withdraw?dry_run=true`, { body: {} });
    show(body);
  } catch (error) {
    refuse(error);
  } finally {
    button.disabled = false;
  }
}

function show({ effect, round }) {
  at("sure-effect").replaceChildren(
    ...sentences(effect).map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })),
  );
  const waits = round !== null;
  at("members").hidden = waits || !(effect.examples || effect.hard_negatives);
  at("sure-refused").textContent = waits
    ? t("Round {number} may ask about pictures of this batch. Close or cancel it first.", { number: count(round) })
    : "";
  at("sure-refused").hidden = !waits;
  at("sure-back").hidden = waits;
  at("do").hidden = waits;
  dialog.showModal();
}

if (dialog) {
  wire(dialog);
  at("do").addEventListener("click", () => {
    dialog.close();
    act("withdraw", { members: dialog.querySelector("[name=members]:checked").value });
  });
}

document.addEventListener("click", ({ target }) => {
  const withdraw = target.closest("[data-withdraw]");
  if (withdraw) {
    withdraw.disabled = true;
    ask(withdraw);
    return;
  }
  const button = target.closest("[data-act]");
  if (!button) return;
  button.disabled = true;
  act(button.dataset.act);
});

if (at("sync-form")) {
  saving(
    at("sync-form"),
    ({ elements: { location: place, prefix } }) =>
      call("POST", `/api/v1/projects/${encodeURIComponent(project)}/syncs`, {
        body: { location: place.value, prefix: prefix.value },
      }),
    () => refresh().then(watch, () => {}),
  );
}

bind();
watch();
