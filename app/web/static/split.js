// Which pictures go into which part of a split. Kept in the tab, so that it outlives its pages.

import { count, t, tn } from "./words.js";

const KEYS = 9;
const MOST = 20; // as `domain.category_change`
const COLUMNS = { ArrowLeft: -1, ArrowRight: 1 };

const at = (id) => document.getElementById(id);
const { project, category, examples } = at("lead").dataset;
const key = `vetted-split-${project}-${category}`;
const rtl = document.documentElement.dir === "rtl";
const pictures = [...document.querySelectorAll(".pick-picture")];

// Names of the parts; and by content hash the index of the part that a picture is in.
let plan = { parts: ["", ""], of: {} };
let current = 0;

function load() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key));
    if (Array.isArray(kept?.parts) && kept.parts.length) plan = kept;
  } catch {
    // What somebody else wrote there is no plan.
  }
}

function keep() {
  sessionStorage.setItem(key, JSON.stringify(plan));
}

/** The plan was carried out, or is not wanted any more. */
export const forget = () => sessionStorage.removeItem(key);

/** The parts as REST takes them. */
export function chosenParts() {
  const parts = plan.parts.map((name) => ({ name, pictures: [] }));
  for (const [sha256, part] of Object.entries(plan.of)) parts[part]?.pictures.push(sha256);
  // A line that nobody filled in is no part.
  return parts.filter((part) => part.name.trim() || part.pictures.length);
}

const called = (part) => plan.parts[part]?.trim() || t("Part {n}", { n: count(part + 1) });

function put(button, part) {
  const { sha256 } = button.dataset;
  if (part === null || part >= plan.parts.length) delete plan.of[sha256];
  else plan.of[sha256] = part;
  keep();
  show();
}

// --- Showing

function show() {
  const sizes = plan.parts.map(() => 0);
  for (const part of Object.values(plan.of)) if (part in sizes) sizes[part] += 1;
  for (const button of pictures) {
    const part = plan.of[button.dataset.sha256];
    button.setAttribute("aria-pressed", String(part !== undefined));
    button.querySelector(".part").textContent = part === undefined ? "" : called(part);
  }
  [...at("parts").children].forEach((line, part) => {
    line.querySelector(".in").textContent = count(sizes[part]);
  });
  at("add-part").disabled = plan.parts.length >= MOST;
  const left = Number(examples) - sizes.reduce((sum, size) => sum + size, 0);
  at("tally").textContent = tn("{n} picture is in no part.", "{n} pictures are in no part.", left);
}

function line(name, part) {
  const made = document.createElement("li");
  made.className = "part-line";
  const radio = document.createElement("input");
  radio.type = "radio";
  radio.name = "part";
  radio.checked = part === current;
  radio.setAttribute("aria-label", t("Put pictures into part {n}", { n: count(part + 1) }));
  radio.addEventListener("change", () => (current = part));
  const text = document.createElement("input");
  text.type = "text";
  text.value = name;
  text.maxLength = 200;
  text.autocomplete = "off";
  text.placeholder = t("Name of part {n}", { n: count(part + 1) });
  text.setAttribute("aria-label", text.placeholder);
  text.addEventListener("input", () => {
    plan.parts[part] = text.value;
    keep();
    show();
  });
  const size = document.createElement("span");
  size.className = "in soft";
  made.append(radio);
  if (part < KEYS) {
    const hint = document.createElement("kbd");
    hint.textContent = String(part + 1);
    made.append(hint);
  }
  made.append(text, size);
  return made;
}

function showParts() {
  at("parts").replaceChildren(...plan.parts.map(line));
  show();
}

// --- Hands

function across() {
  const top = pictures[0].getBoundingClientRect().top;
  const next = pictures.findIndex((each) => each.getBoundingClientRect().top > top + 1);
  return next < 0 ? pictures.length : next;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const place = pictures.indexOf(event.target.closest(".pick-picture"));
  if (place < 0) return;
  const step =
    event.key in COLUMNS
      ? COLUMNS[event.key] * (rtl ? -1 : 1)
      : { ArrowUp: () => -across(), ArrowDown: across }[event.key]?.();
  if (step !== undefined) {
    pictures[place + step]?.focus();
  } else if (/^[0-9]$/.test(event.key)) {
    const part = Number(event.key) - 1;
    if (part < plan.parts.length) put(pictures[place], part < 0 ? null : part);
    pictures[place + 1]?.focus();
  } else {
    return;
  }
  event.preventDefault();
}

/** Take the form over. */
export function setUpSplit() {
  load();
  showParts();
  at("add-part").addEventListener("click", () => {
    plan.parts.push("");
    current = plan.parts.length - 1;
    keep();
    showParts();
    at("parts").lastElementChild.querySelector("[type=text]").focus();
  });
  for (const button of pictures) {
    button.disabled = false;
    button.addEventListener("click", () => put(button, plan.of[button.dataset.sha256] === current ? null : current));
  }
  at("split-pictures")?.addEventListener("keydown", onKey);
  const whole = at("whole-page");
  if (!whole) return;
  whole.disabled = false;
  whole.addEventListener("click", () => {
    for (const button of pictures) plan.of[button.dataset.sha256] ??= current;
    keep();
    show();
  });
}
