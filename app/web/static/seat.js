// The stage of the labeler page: the question, the picture, the answers. What is shown, never why.

import { setText } from "./bar.js";
import { t } from "./words.js";

export * from "./bar.js";

const at = (id) => document.getElementById(id);
const stage = at("stage");
const pane = at("pane");
const verdict = at("verdict");

const WORDS = { yes: () => t("Yes"), no: () => t("No"), unsure: () => t("Unsure") };

export const buttons = document.querySelectorAll("[data-answer]");
export const undoButton = at("undo");
export const whyButton = at("why"); // a lead is not asked why
const answering = [...buttons, whyButton].filter(Boolean);

function asking(name) {
  return /^[aeiou]/i.test(name) ? t("Is this an {name}?", { name }) : t("Is this a {name}?", { name });
}

/** "Is this a Spring gentian?" */
export const question = asking;

/** Ask about a category; the name stands out, wherever the language puts it. */
export function ask(category) {
  const [before, after] = asking(`${category.name}\u0000`).split(`${category.name}\u0000`);
  const name = document.createElement("em");
  name.textContent = category.name;
  at("question").replaceChildren(before, name, after);
}

/** There is a picture of this proposal; it is put into the pane by its zoom. */
export function showPicture(proposal, image) {
  image.alt = t("The picture in question");
  stage.dataset.proposal = proposal.id;
  stage.hidden = false;
  at("candidate").className = "candidate";
  setAnswerable(true);
}

/** The picture is not here yet: whatever is still seen must not be answered. */
export function showWaiting() {
  delete stage.dataset.proposal;
  stage.hidden = false;
  at("candidate").className = "candidate waiting";
  setAnswerable(false);
}

/** The picture cannot be shown: only "unsure" is honest. */
export function showBroken(proposal, onRetry) {
  const retry = document.createElement("button");
  retry.type = "button";
  retry.className = "button";
  retry.textContent = t("Try again");
  retry.addEventListener("click", onRetry);
  const text = document.createElement("p");
  text.textContent = t("This picture does not load.");
  pane.replaceChildren(text, retry);
  stage.dataset.proposal = proposal.id;
  at("candidate").className = "candidate broken";
  for (const button of answering) button.disabled = button.dataset.answer !== "unsure";
}

export function hide() {
  stage.hidden = true;
  delete stage.dataset.proposal;
}

function setAnswerable(yes) {
  for (const button of answering) button.disabled = !yes;
}

/** Whether the button for this answer is open: a picture that does not load can only be "unsure". */
export function canAnswer(answer) {
  return [...buttons].some((button) => button.dataset.answer === answer && !button.disabled);
}

/** Draw the eye to a question about another category. */
export function flash() {
  for (const element of [stage, at("beside")]) restart(element, "fresh");
}

/** A short sign on the button that was meant, also when a key was pressed. */
export function press(answer) {
  for (const button of buttons) if (button.dataset.answer === answer) restart(button, "pressed");
}

function restart(element, animation) {
  element.classList.remove(animation);
  void element.offsetWidth;
  element.classList.add(animation);
}

/** The picture goes with the finger, and says what lifting it would answer. */
export function showSwipe({ dx, dy, answer, far }) {
  pane.style.transform = `translate(${dx}px, ${Math.min(0, dy)}px)`;
  verdict.hidden = !answer;
  if (!answer) return;
  verdict.className = `verdict ${answer}${far ? " far" : ""}`;
  verdict.textContent = WORDS[answer]();
}

export function endSwipe() {
  pane.style.transform = "";
  verdict.hidden = true;
}

/** "2.4 ×" while the picture is enlarged; a press shows it whole. */
export function showZoom(scale) {
  const button = at("zoom-reset");
  button.hidden = scale === 1;
  button.textContent = `${scale.toFixed(1)} ×`;
  button.setAttribute("aria-label", t("Enlarged {scale} times. Show the whole picture", { scale: scale.toFixed(1) }));
}

/** How the day goes, and a reminder of a break while there is one. */
export function showNumbers(texts) {
  setText(at("numbers"), texts.join(" · "));
}

export function remind(text) {
  setText(at("break"), text);
}
