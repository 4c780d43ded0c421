// The page of webhooks. The server renders every row; after each act this script asks for the page
// again and puts the parts marked data-live in place of the old ones.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { saving } from "./form.js";
import { refresh as refreshParts } from "./fresh.js";
import { t } from "./words.js";

const LOOK = 2000; // milliseconds between two looks, while something is on its way

const { project } = document.getElementById("lead").dataset;
const base = `/api/v1/projects/${encodeURIComponent(project)}/webhooks`;
const at = (id) => document.getElementById(id);
const form = at("webhook-form");
const refusal = at("refusal");

let chosen = null; // the id of the webhook that a dialog is about; null for a new one

// --- Looking

const refresh = () => refreshParts(replace);

/** The focus stays on the button that does the same to the same row. */
function replace(old, part) {
  const { activeElement: focused } = document;
  const row = old.contains(focused) ? focused.closest("[data-webhook]") : null;
  old.replaceChildren(...part.childNodes);
  if (!row) return;
  const { webhook, delivery } = row.dataset;
  const same = old.querySelector(delivery ? `[data-delivery="${delivery}"]` : `[data-webhook="${webhook}"]`);
  (same?.querySelector(`[data-does="${focused.dataset.does}"]`) ?? same?.querySelector("button"))?.focus();
}

setInterval(() => {
  if (!document.hidden && document.querySelector("[data-pending]")) refresh().catch(() => {});
}, LOOK);

// --- Acting

/** What REST answers, or null after a refusal, which is said. */
async function act(method, path, body) {
  refusal.hidden = true;
  let answer = null;
  try {
    answer = method === "DELETE" ? await remove(path) : (await call(method, path, { body })).body;
  } catch (error) {
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Look at the state below, then try again.") : error.message;
    refusal.hidden = false;
  }
  await refresh().catch(() => {});
  return answer;
}

/** A deletion is answered without content, which `call` takes for a broken line. */
async function remove(path) {
  const csrf = document.querySelector('meta[name="csrf-token"]').content;
  const response = await fetch(path, { method: "DELETE", headers: { "X-CSRF-Token": csrf } }).catch((error) => {
    throw new Passing(String(error));
  });
  if (!response.ok && response.status !== 404) throw new Passing(`status ${response.status}`);
}

const boxes = () => [...form.querySelectorAll("[type=checkbox]")];

/** Opens the form, empty or with what is known of a webhook. */
function open(row) {
  chosen = row?.dataset.webhook ?? null;
  const states = row?.dataset.states.split(" ");
  form.elements.namedItem("url").value = row?.dataset.url ?? "";
  for (const box of boxes()) box.checked = states ? states.includes(box.value) : "default" in box.dataset;
  for (const problem of form.querySelectorAll(".problem")) problem.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  form.querySelector("[role=alert]").hidden = true;
  const title = at("webhook-title");
  title.textContent = row ? title.dataset.edit : title.dataset.add;
  form.querySelector('[data-does="renew"]').hidden = !row;
  at("webhook-dialog").showModal();
}

function tell(secret) {
  at("secret").value = secret;
  at("secret-dialog").showModal();
}

saving(
  form,
  async () => {
    const states = boxes().filter((box) => box.checked).map((box) => box.value);
    const body = { url: form.elements.namedItem("url").value, states };
    return chosen === null ? call("POST", base, { body }) : call("PATCH", `${base}/${chosen}`, { body });
  },
  async ({ body }) => {
    at("webhook-dialog").close();
    await refresh().catch(() => {});
    if (body.secret) tell(body.secret);
  },
);

const ACTS = {
  add: () => open(null),
  edit: (row) => open(row),
  test: (row) => act("POST", `${base}/${row.dataset.webhook}/test`),
  pause: (row) => act("PATCH", `${base}/${row.dataset.webhook}`, { paused: true }),
  resume: (row) => act("PATCH", `${base}/${row.dataset.webhook}`, { paused: false }),
  again: (row) => act("POST", `${base}/${row.dataset.webhook}/deliveries/${row.dataset.delivery}/redeliver`),
  delete: (row) => {
    chosen = row.dataset.webhook;
    at("delete-dialog").showModal();
  },
  forget: () => {
    at("delete-dialog").close();
    return act("DELETE", `${base}/${chosen}`);
  },
  renew: async () => {
    at("webhook-dialog").close();
    const answer = await act("PATCH", `${base}/${chosen}`, { new_secret: true });
    if (answer) tell(answer.secret);
  },
  copy: async () => {
    at("secret").select();
    await navigator.clipboard?.writeText(at("secret").value).catch(() => {});
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-does]");
  if (!button || button.ariaBusy) return;
  button.ariaBusy = "true"; // not disabled: it would lose the focus
  try {
    await ACTS[button.dataset.does](button.closest("[data-webhook]"));
  } finally {
    button.ariaBusy = null;
  }
});
at("secret-dialog").addEventListener("close", () => {
  at("secret").value = "";
});
for (const dialog of document.querySelectorAll("dialog")) wire(dialog);
document.querySelector('[data-does="add"]').disabled = false;
