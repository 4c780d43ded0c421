// The labeler page's elements: what is shown, never why.

const at = (id) => document.getElementById(id);
const stage = at("stage");
const beside = at("beside");
const rest = at("rest");
const toast = at("toast");

const TOAST = 6000;
const SAVING = 400; // a save that is quicker than this needs no word

let categoryShown = null;
let toastTimer = 0;
let savingTimer = 0;

export const buttons = document.querySelectorAll("[data-answer]");
export const undoButton = at("undo");
export const restUndo = at("rest-undo");
export const helpButton = at("help-button");

const opening = (name) => `Is this ${/^[aeiou]/i.test(name) ? "an" : "a"} `;

/** "Is this a Spring gentian?" */
export function question(name) {
  return `${opening(name)}${name}?`;
}

/** Show a decoded picture and what stands beside it. True when the category is another one. */
export function showQuestion(id, image, category, onExemplar) {
  rest.hidden = true;
  stage.dataset.proposal = id;
  stage.hidden = beside.hidden = false;
  image.alt = "The picture in question";
  at("candidate").replaceChildren(image);
  at("candidate").classList.remove("waiting");
  setAnswerable(true);
  return showCategory(category, onExemplar);
}

/** The picture is not here yet: whatever is still seen must not be answered. */
export function showWaiting(category, onExemplar) {
  rest.hidden = true;
  delete stage.dataset.proposal;
  stage.hidden = beside.hidden = false;
  at("candidate").replaceChildren();
  at("candidate").classList.add("waiting");
  setAnswerable(false);
  showCategory(category, onExemplar);
}

/** The picture cannot be shown: only "unsure" is honest. */
export function showBroken(onRetry) {
  const retry = document.createElement("button");
  retry.type = "button";
  retry.className = "button";
  retry.textContent = "Try again";
  retry.addEventListener("click", onRetry);
  const text = document.createElement("p");
  text.textContent = "This picture does not load.";
  at("candidate").replaceChildren(text, retry);
  at("candidate").classList.remove("waiting");
  for (const button of buttons) button.disabled = button.dataset.answer !== "unsure";
}

function setAnswerable(yes) {
  for (const button of buttons) button.disabled = !yes;
}

function showCategory(category, onExemplar) {
  if (category.id === categoryShown) return false;
  const another = categoryShown !== null;
  categoryShown = category.id;
  const name = document.createElement("em");
  name.textContent = category.name;
  at("question").replaceChildren(opening(category.name), name, "?");
  at("category").textContent = category.name;
  at("scientific").textContent = category.scientific_name;
  at("definition").innerHTML = category.definition_html; // rendered by the server, raw HTML off
  at("look-alikes").hidden = !category.look_alikes.length;
  at("look-alike-names").textContent = category.look_alikes.join(", ");
  at("exemplars-heading").hidden = !category.exemplars.length;
  at("exemplars").replaceChildren(
    ...category.exemplars.slice(0, 9).map((exemplar, index) => thumbnail(exemplar, index, onExemplar)),
  );
  at("changed").hidden = !another;
  if (another) flash();
  return another;
}

function thumbnail(exemplar, index, onExemplar) {
  const image = new Image();
  image.src = exemplar.thumbnail_url;
  image.alt = `Example ${index + 1}, enlarge`;
  const button = document.createElement("button");
  button.type = "button";
  button.append(image);
  button.addEventListener("click", () => onExemplar(index));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function flash() {
  for (const element of [stage, beside]) {
    element.classList.remove("fresh");
    void element.offsetWidth; // restarts the animation
    element.classList.add("fresh");
  }
}

export function forgetChange() {
  at("changed").hidden = true;
}

/** A short sign on the button that was meant, also when a key was pressed. */
export function press(answer) {
  for (const button of buttons) {
    if (button.dataset.answer === answer) {
      button.classList.remove("pressed");
      void button.offsetWidth;
      button.classList.add("pressed");
    }
  }
}

/** There is nothing to answer now; `link` is {href, text}. */
export function showRest({ title, text = "", link = null, busy = false, undo = false }) {
  stage.hidden = beside.hidden = true;
  delete stage.dataset.proposal;
  rest.hidden = false;
  categoryShown = null;
  setText(at("rest-title"), title);
  setText(at("rest-text"), text);
  at("rest-spinner").hidden = !busy;
  restUndo.hidden = !undo;
  at("rest-link").hidden = !link;
  if (link) {
    at("rest-link").href = link.href;
    at("rest-link").textContent = link.text;
  }
}

/** Live regions are read aloud when they are written: write only what differs. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function say(text) {
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    toast.hidden = true;
  }, TOAST);
}

export function announce(text) {
  setText(at("announcer"), text);
}

export function showProgress(progress) {
  at("progress").hidden = !progress;
  if (!progress) return;
  const { decided, total, mine } = progress;
  at("progress-bar").max = Math.max(1, total);
  at("progress-bar").value = decided;
  setText(at("progress-text"), `${decided} of ${total}, yours ${mine}`);
}

const SIGNS = {
  idle: () => "",
  sending: () => "Saving …",
  offline: (waiting) => `Offline, ${waiting} waiting`,
  "signed-out": (waiting) => `Signed out, ${waiting} waiting`,
  stale: (waiting) => `Reload the page, ${waiting} waiting`,
};

export function showSync(state, waiting) {
  const sign = at("sync");
  clearTimeout(savingTimer);
  const show = () => {
    sign.dataset.state = state;
    setText(sign, SIGNS[state](waiting));
  };
  if (state === "sending" && sign.dataset.state !== "sending") savingTimer = setTimeout(show, SAVING);
  else show();
}

/** Whether the button for this answer is open: a picture that does not load can only be "unsure". */
export function canAnswer(answer) {
  return [...buttons].some((button) => button.dataset.answer === answer && !button.disabled);
}
