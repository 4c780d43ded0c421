// Forms that are saved over REST. What is wrong is said beside its field.

import { Passing } from "./api.js";
import { t } from "./words.js";

/**
 * Save with `save(form)` instead of sending; `done(answer)` follows what was saved.
 *
 * The page comes with the button disabled: neither a click nor Enter sends the form the browser's own
 * way, where what was typed would be lost, before this has taken it over.
 */
export function saving(form, save, done = () => {}) {
  const said = form.querySelector("[role=status]");
  const refusal = form.querySelector("[role=alert]");
  const button = form.querySelector("[type=submit]");
  form.noValidate = true; // the browser's bubbles speak its own language and go away
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "";
    refusal.hidden = true;
    const wrong = inputs(form).filter((input) => !mark(input, problemOf(input)));
    if (wrong.length) return wrong[0].focus();
    button.disabled = true;
    try {
      const answer = await save(form);
      said.textContent = t("Saved.");
      done(answer);
    } catch (error) {
      if (!showFields(form, error.fields ?? [])) {
        refusal.textContent =
          error instanceof Passing ? t("The server did not answer. Nothing was saved; try again.") : error.message;
        refusal.hidden = false;
      }
    } finally {
      button.disabled = false;
    }
  });
  button.disabled = false;
}

const inputs = (form) => [...form.elements].filter(({ name }) => name);

/** The number in a field, or null where it is empty. */
export const numberIn = ({ valueAsNumber }) => (Number.isNaN(valueAsNumber) ? null : valueAsNumber);

function problemOf(input) {
  if (input.disabled || input.validity.valid) return "";
  if (input.type !== "number") return input.validity.valueMissing ? t("Fill this in.") : input.dataset.wrong;
  if (input.step === "1") return t("Give a whole number from {least} to {most}.", { least: input.min, most: input.max });
  return t("Give a number from {least} to {most}.", { least: input.min, most: input.max });
}

/** Say what is wrong with a field; true where nothing is. */
export function mark(input, problem) {
  const place = document.getElementById(`${input.id}-problem`);
  if (place) place.textContent = problem;
  if (problem) input.closest("details")?.setAttribute("open", ""); // or nobody sees it
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  return !problem;
}

/** True when every problem found its field. */
function showFields(form, problems) {
  const found = problems.filter(({ field, message }) => {
    const input = form.elements.namedItem(field.split(".").at(-1));
    if (!input) return false;
    mark(input, message);
    input.focus();
    return true;
  });
  return problems.length > 0 && found.length === problems.length;
}
