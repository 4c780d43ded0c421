// Near-duplicates: taken out of their groups and put back, each at once and reversibly.

import { Passing, call } from "./api.js";
import { refresh } from "./fresh.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);
const { project } = at("lead").dataset;
const path = `/api/v1/projects/${encodeURIComponent(project)}/near-duplicates`;

function bind() {
  for (const button of document.querySelectorAll("[data-act]")) button.disabled = false;
}

async function act(button) {
  const { act: how, sha256 } = button.dataset;
  at("refusal").hidden = true;
  at("said").textContent = "";
  button.disabled = true;
  const following = button.closest(".group").nextElementSibling?.querySelector("[data-act]");
  try {
    await call("POST", `${path}/${sha256}/${how}`);
    at("said").textContent =
      how === "detach"
        ? t("Taken out of its group: rounds may ask about it, and what it inherited ends.")
        : t("Back in its group: what is decided about the first image holds for it.");
    const fresh = await refresh();
    // A group that is whole again is not among those that were taken apart.
    for (const group of document.querySelectorAll(".group")) {
      if (fresh && !fresh.querySelector(`[data-live="${group.dataset.live}"]`)) group.remove();
    }
  } catch (error) {
    at("refusal").textContent =
      error instanceof Passing ? t("The server did not answer. Try again.") : error.message;
    at("refusal").hidden = false;
  }
  bind();
  // The group may be gone: on with the next, and from the last one back to the top.
  (document.querySelector(`[data-sha256="${sha256}"]`) ?? following ?? at("duplicates-heading")).focus();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-act]");
  if (button) act(button);
});
bind();
