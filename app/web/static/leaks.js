// Leaks of the test split: released from quarantine and put back, each at once and reversibly.

import { Passing, call } from "./api.js";
import { refresh } from "./fresh.js";
import { t } from "./words.js";

const at = (id) => document.getElementById(id);
const { project } = at("lead").dataset;
const path = `/api/v1/projects/${encodeURIComponent(project)}/leaks`;

async function act(button) {
  const { act: how, sha256 } = button.dataset;
  at("refusal").hidden = true;
  at("said").textContent = "";
  button.disabled = true;
  try {
    await call("POST", `${path}/${sha256}/${how}`);
    const released = how === "release";
    button.dataset.act = released ? "quarantine" : "release";
    button.textContent = released ? t("The same after all") : t("Another photograph");
    button.closest("li").toggleAttribute("data-released", released);
    await refresh(); // the counts
    at("said").textContent = released
      ? t("Released: rounds may ask about it.")
      : t("Back in quarantine: nobody is asked about it.");
  } catch (error) {
    at("refusal").textContent =
      error instanceof Passing ? t("The server did not answer. Try again.") : error.message;
    at("refusal").hidden = false;
  } finally {
    button.disabled = false;
    button.focus();
  }
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => act(button));
  button.disabled = false;
}
