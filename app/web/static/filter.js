// The page of the coarse filter: trains it, takes one from a file, and follows the work on it. What
// lies below has scripts of its own: the threshold, and the negatives.

import { Passing, call } from "./api.js";
import { wireNegatives } from "./filter-negatives.js";
import { wireThreshold } from "./filter-threshold.js";
import { t } from "./words.js";

const PAUSE = 1500; // milliseconds between two looks while a worker is at it

const at = (id) => document.getElementById(id);
const { project } = at("lead").dataset;
const address = `/api/v1/projects/${encodeURIComponent(project)}`;
const refusal = at("filter-refusal");

const isBusy = () => at("state").dataset.busy === "yes";
const isTrained = () => at("state").dataset.trained === "yes";

async function refresh() {
  const response = await fetch(location.pathname, { cache: "no-store" });
  if (!response.ok || response.redirected) return location.reload();
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = fresh.querySelector(`[data-live="${old.dataset.live}"]`);
    if (!part || part.innerHTML === old.innerHTML) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
    old.replaceChildren(...part.childNodes);
    if (focused) at(focused)?.focus();
  }
  bind();
}

let watching = false;
let pressed = false;

/** Look again and again while a worker is at it. */
async function watch() {
  if (watching) return;
  watching = true;
  while (isBusy()) {
    await new Promise((done) => setTimeout(done, PAUSE));
    if (!document.hidden) await refresh().catch(() => {});
  }
  watching = false;
  // The first filter brings the threshold with it.
  if (isTrained() && !threshold) return location.reload();
  threshold?.look();
}

/** The buttons, as they are after what was put in place. */
function bind() {
  for (const button of document.querySelectorAll("[data-ready]")) button.disabled = button.dataset.ready !== "yes";
  // What was pressed has made way for its opposite: whoever uses the keyboard stays at this place.
  if (pressed && document.activeElement === document.body) (at("stop-filter") ?? at("train")).focus();
  for (const button of document.querySelectorAll("[data-take-back]")) button.disabled = false;
}

async function ask(path, body) {
  refusal.hidden = true;
  try {
    await call("POST", `${address}/filter/${path}`, { body });
  } catch (error) {
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Look at the state, then try again.") : error.message;
    refusal.hidden = false;
  }
  await refresh().catch(() => {});
  watch();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  pressed = button?.id === "train" || button?.id === "stop-filter";
  if (button?.id === "train") {
    button.disabled = true;
    ask("train");
  }
  if (button?.id === "stop-filter") {
    button.disabled = true;
    ask("cancel");
  }
  if (button?.id === "choose-filter") at("filter-file").click();
});
at("filter-file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = ""; // the same file may be chosen again
  if (!file) return;
  const form = new FormData();
  form.append("file", file, file.name);
  ask("file", form);
});

const threshold = at("threshold-card") ? wireThreshold(address, refresh) : null;
wireNegatives(address, refresh);
bind();
if (isBusy()) watch();
else threshold?.look();
