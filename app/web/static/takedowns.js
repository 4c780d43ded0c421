// The page of takedowns: first what would go, then the act; and the list, which the server renders.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { mark, saving } from "./form.js";
import { t, tn } from "./words.js";

const { project } = document.getElementById("lead").dataset;
const base = `/api/v1/projects/${encodeURIComponent(project)}/takedowns`;
const at = (id) => document.getElementById(id);
const form = at("takedown-form");

let asked = null; // what the dialog is about
let chosen = null; // the takedown to be lifted

/** What a takedown does, as sentences; see `EffectOut` of the server. */
function told(kind, effect) {
  const sentences = [
    effect.images
      ? tn("{n} picture goes.", "{n} pictures go.", effect.images)
      : kind === "picture"
        ? t("The project does not have this picture. It is kept out from now on.")
        : t("The project has no picture from this address. What comes from there is refused from now on."),
    effect.candidates && tn("{n} is in the pool.", "{n} are in the pool.", effect.candidates),
    effect.examples &&
      tn("{n} is an example: the dataset gets a new version without it.", "{n} are examples: the dataset gets a new version without them.", effect.examples),
    effect.hard_negatives &&
      tn("{n} hard negative leaves the dataset.", "{n} hard negatives leave the dataset.", effect.hard_negatives),
    effect.questions &&
      tn("{n} question is withdrawn from labelers.", "{n} questions are withdrawn from labelers.", effect.questions),
    effect.versions &&
      tn("{n} frozen version is exported without it from now on.", "{n} frozen versions are exported without it from now on.", effect.versions),
    effect.near_duplicates &&
      tn("{n} near-duplicate stays: another file of the same photograph.", "{n} near-duplicates stay: other files of the same photographs.", effect.near_duplicates),
  ];
  return sentences.filter(Boolean).map((text) => Object.assign(document.createElement("li"), { textContent: text }));
}

async function refresh() {
  const response = await fetch(location.pathname, { cache: "no-store" });
  if (!response.ok || response.redirected) return location.reload();
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const old = document.querySelector("[data-live]");
  old.replaceChildren(...fresh.querySelector("[data-live]").childNodes);
  bind();
}

/** The buttons, as they are after what was put in place. */
function bind() {
  for (const button of document.querySelectorAll('[data-does="lift"]')) button.disabled = false;
}

const said = (error) =>
  error instanceof Passing ? t("The server did not answer. Look at the list below, then try again.") : error.message;

function refuse(place, text) {
  place.textContent = text;
  place.hidden = false;
}

saving(
  form,
  async () => {
    at("done").hidden = true;
    const { what, reason, copies } = form.elements;
    asked = { what: what.value, reason: reason.value, copies: copies.checked };
    const query = new URLSearchParams({ what: asked.what, copies: asked.copies });
    return call("GET", `${base}/preview?${query}`);
  },
  ({ body }) => {
    form.querySelector("[role=status]").textContent = ""; // nothing is saved yet
    at("effect").replaceChildren(...told(body.kind, body.effect));
    at("effect-dialog").showModal();
  },
);

const ACTS = {
  go: async () => {
    try {
      const { body } = await call("POST", base, { body: asked });
      form.reset();
      form.elements.namedItem("what").value = "";
      refuse(at("done"), tn("{n} picture was taken down.", "{n} pictures were taken down.", body.effect.images));
    } catch (error) {
      const fields = error.fields ?? [];
      for (const { field, message } of fields) mark(form.elements.namedItem(field), message);
      if (!fields.length) refuse(form.querySelector("[role=alert]"), said(error));
    }
    at("effect-dialog").close();
    await refresh().catch(() => {});
  },
  lift: (row) => {
    chosen = row.dataset.takedown;
    at("lift-dialog").querySelector("[role=alert]").hidden = true;
    at("lift-dialog").showModal();
  },
  "lift-it": async () => {
    try {
      await call("POST", `${base}/${chosen}/lift`);
    } catch (error) {
      refuse(at("lift-dialog").querySelector("[role=alert]"), said(error));
      return;
    }
    at("lift-dialog").close();
    await refresh().catch(() => {});
    at("list-heading").scrollIntoView({ block: "nearest" });
    document.getElementById("main").focus();
  },
};

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-does]");
  if (!button || button.ariaBusy) return;
  button.ariaBusy = "true"; // not disabled: it would lose the focus
  try {
    await ACTS[button.dataset.does](button.closest("[data-takedown]"));
  } finally {
    button.ariaBusy = null;
  }
});
for (const dialog of document.querySelectorAll("dialog")) wire(dialog);
bind();
