// The quality page: setting aside all that one labeler decided in the open round, after a look at
// what that does.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { t, tn } from "./words.js";

const { project } = document.getElementById("lead").dataset;
const dialog = document.getElementById("aside-dialog");
const title = document.getElementById("aside-title");
const shown = document.getElementById("aside-effect");
const refusal = document.getElementById("aside-refusal");
const go = document.getElementById("aside-go");
const done = document.getElementById("aside-done");

let chosen = null; // the button of the labeler whom the dialog is about

const path = ({ dataset }) =>
  `/api/v1/projects/${encodeURIComponent(project)}/members/${encodeURIComponent(dataset.aside)}/set-aside`;

/** What setting aside does, as sentences; those about nothing are left out. */
function sentences({ decisions, reopened, examples, hard_negatives: negatives, changed, kept, withdrawn }) {
  return [
    [decisions, tn("{n} decision is taken back.", "{n} decisions are taken back.", decisions)],
    [reopened, tn("{n} picture is asked again, of others.", "{n} pictures are asked again, of others.", reopened)],
    [
      examples,
      tn(
        "{n} yes no longer counts: an example less when the round closes.",
        "{n} yes no longer count: so many examples less when the round closes.",
        examples,
      ),
    ],
    [
      negatives,
      tn(
        "{n} no no longer counts: a hard negative less when the round closes.",
        "{n} no no longer count: so many hard negatives less when the round closes.",
        negatives,
      ),
    ],
    [
      changed,
      tn(
        "{n} picture gets another answer: that of the others' majority.",
        "{n} pictures get another answer: that of the others' majority.",
        changed,
      ),
    ],
    [
      kept,
      tn("{n} picture keeps its answer, which somebody else gave.", "{n} pictures keep their answer, which somebody else gave.", kept),
    ],
    [
      withdrawn,
      tn(
        "{n} proposal goes that they made by picking a category.",
        "{n} proposals go that they made by picking a category.",
        withdrawn,
      ),
    ],
  ]
    .filter(([number]) => number)
    .map(([, sentence]) => sentence);
}

function show(effect) {
  const list = document.createElement("ul");
  for (const sentence of sentences(effect)) {
    const item = document.createElement("li");
    item.textContent = sentence;
    list.append(item);
  }
  const last = document.createElement("p");
  last.textContent = effect.decisions
    ? t("They are not asked about these pictures again. This cannot be undone.")
    : t("There is no decision of theirs in the open round that could be taken back.");
  shown.replaceChildren(list, last);
  title.textContent = t("Set aside all decisions of {name}?", { name: chosen.dataset.name });
  go.hidden = !effect.decisions;
  refusal.hidden = true;
  dialog.showModal();
}

/** Say beside the labeler's button why nothing can be shown. */
function refuse(button, text) {
  const place = button.parentElement.querySelector(".problem") ?? document.createElement("p");
  place.className = "problem";
  place.setAttribute("role", "alert");
  button.after(place);
  place.textContent = text;
}

async function ask(button) {
  chosen = button;
  button.disabled = true;
  button.parentElement.querySelector(".problem")?.remove();
  done.textContent = "";
  try {
    show((await call("POST", `${path(button)}/preview`)).body);
  } catch (error) {
    refuse(button, error instanceof Passing ? t("The server did not answer. Try again.") : error.message);
  } finally {
    button.disabled = false;
  }
}

async function setAside() {
  go.disabled = true;
  refusal.hidden = true;
  try {
    const { body } = await call("POST", path(chosen));
    dialog.close();
    const said = tn("{n} decision of {name} was set aside.", "{n} decisions of {name} were set aside.", body.decisions, {
      name: chosen.dataset.name,
    });
    const follows = t("The numbers here follow within a minute.");
    done.textContent = `${said} ${follows}`;
  } catch (error) {
    // Doing it again takes back what is left, which may be nothing.
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Try again: nothing is taken back twice.") : error.message;
    refusal.hidden = false;
  } finally {
    go.disabled = false;
  }
}

wire(dialog);
go.addEventListener("click", setAside);
for (const button of document.querySelectorAll("[data-aside]")) {
  button.addEventListener("click", () => ask(button));
  button.disabled = false;
}
