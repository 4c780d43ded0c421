// A lead's seat: one after the other of what waits for them, each decided exactly once.

import { withImages } from "./answers.js";
import { Passing, call } from "./api.js";
import * as contrast from "./contrast.js";
import { randomId } from "./identity.js";
import * as keylist from "./keylist.js";
import { Keymap, listen } from "./keys.js";
import { Pictures } from "./pictures.js";
import { loadPreferences, savePreferences } from "./preferences.js";
import * as rest from "./rest.js";
import * as seat from "./seat.js";
import { Sender } from "./sender.js";
import * as swipe from "./swipe.js";
import { Unsent } from "./unsent.js";
import * as viewer from "./viewer.js";
import * as voices from "./voices.js";
import { t, tn } from "./words.js";
import { Zoom } from "./zoom.js";

// As at the labeler's seat: nobody answers what they have seen for less than this (milliseconds).
const KEY_GUARD = 150;
const CLICK_GUARD = 350;
const CHANGE_GUARD = 500;

const AT_ONCE = 20; // questions that are fetched
const LOW = 8; // questions left when more are fetched
const DECODED = 4; // pictures
const HELD = 6000; // milliseconds in which an answer can be taken back
const POLL = 4000;
const PAN = 0.15; // of the pane, a press of a key

const { project, user } = document.getElementById("seat").dataset;
const path = `/api/v1/projects/${encodeURIComponent(project)}/adjudications`;
const here = `/projects/${encodeURIComponent(project)}/quality/adjudicate`;
const at = (id) => document.getElementById(id);

const preferences = await loadPreferences();
const pictures = new Pictures();
const zoom = new Zoom(at("pane"), () => seat.showZoom(zoom.scale));
const categories = new Map();
const unsent = new Unsent(localStorage, `adjudicate:${user}`, project);

let queue = []; // the first is the one in question
let waiting = 0; // on the server, without what is answered here
let trouble = null; // of the last request for more
let shown = null; // the question that may be answered now
let shownAt = 0;
let guard = 0;
let held = null; // the last answer: {decision, question, timer}, not sent yet
let fetching = null;
let poll = 0;
const answered = new Set(); // ids; the server may still count those that are on their way

const sender = new Sender(
  unsent,
  ({ proposal, answer, key }) => call("POST", `${path}/${proposal}`, { key, body: { answer }, keepalive: true }),
  { saved, refused, changed: showState },
);
for (const { proposal } of sender.waiting) answered.add(proposal);

// --- Deciding

function decide(answer, wait) {
  const now = performance.now();
  if (!shown || now - shownAt < Math.max(wait, guard) || !seat.canAnswer(answer)) return;
  const question = shown;
  shown = null;
  release();
  seat.press(answer);
  const decision = { key: randomId(), proposal: question.proposal_id, answer, at: Date.now(), order: answered.size };
  // In storage at once: should the page go, the next one sends it.
  unsent.save(decision);
  held = { decision, question, timer: setTimeout(letGo, HELD) };
  answered.add(question.proposal_id);
  queue = queue.filter((each) => each !== question);
  waiting -= 1;
  if (queue.length < LOW) refill();
  showNext();
}

/** The last answer is sent; from now on it stands, as an answer that mends the dataset has to. */
function release() {
  if (!held) return;
  const { decision, timer } = held;
  clearTimeout(timer);
  held = null;
  sender.add(decision);
}

function letGo() {
  release();
  if (!queue.length) showNext(); // nothing is left to undo
}

function undo() {
  if (!held) return;
  const { decision, question, timer } = held;
  clearTimeout(timer);
  held = null;
  unsent.forget(decision);
  answered.delete(decision.proposal);
  queue.unshift(question);
  waiting += 1;
  shown = null;
  seat.say(t("Undone. Answer this picture again."));
  showNext();
}

function saved(_, { body }) {
  if (body.mended) seat.say(t("The earlier answer was wrong: the dataset is mended in its next version."));
  if (queue.length < LOW) refill();
}

function refused(decision, problem) {
  seat.say(problem.message);
  answered.delete(decision.proposal); // it comes back if it still waits
  refill();
}

// --- Fetching

/** One request at a time. */
function refill() {
  fetching ??= fetchMore().finally(() => {
    fetching = null;
    showNext();
  });
}

async function fetchMore() {
  try {
    const { body } = await call("GET", `${path}?limit=${AT_ONCE}`);
    trouble = null;
    take(body);
  } catch (error) {
    trouble = error;
    if (!(error instanceof Passing)) queue = [];
  }
}

function take(body) {
  const open = withImages(body, categories).filter(({ proposal_id: id }) => !answered.has(id));
  const ids = new Set(open.map(({ proposal_id: id }) => id));
  // What the server does not name any more, another lead has decided; of many it names the first only.
  const complete = body.waiting <= body.proposals.length;
  const kept = queue.filter((each) => each === shown || !complete || ids.has(each.proposal_id));
  const known = new Set(kept.map(({ proposal_id: id }) => id));
  queue = [...kept, ...open.filter(({ proposal_id: id }) => !known.has(id))];
  waiting = Math.max(queue.length, body.waiting - (body.proposals.length - open.length));
}

// --- Showing

function showNext() {
  const [question] = queue;
  preload();
  showState();
  if (sender.state === "signed-out" || sender.state === "stale") return;
  if (!question) {
    shown = null;
    showRest();
    return;
  }
  clearTimeout(poll);
  if (question === shown) return;
  const image = pictures.peek(question.image.screen_url);
  if (image) show(question, image);
  else wait(question);
}

function show(question, image) {
  const another = showQuestion(question);
  zoom.show(image, question.image);
  seat.showPicture({ id: question.proposal_id }, image);
  allow(question);
  guard = another ? CHANGE_GUARD : 0;
  seat.announce(`${seat.question(categories.get(question.category_id).name)} ${voices.told(question)}`);
}

function allow(question) {
  shown = question;
  shownAt = performance.now();
}

async function wait(question) {
  shown = null;
  showQuestion(question);
  zoom.clear();
  seat.showWaiting();
  try {
    await pictures.hold(question.image.screen_url);
  } catch {
    if (queue[0] !== question) return;
    seat.showBroken({ id: question.proposal_id }, () => wait(question));
    allow(question);
    return;
  }
  if (queue[0] === question && shown !== question) showNext();
}

/** True when it asks about another category than before. */
function showQuestion(question) {
  const category = categories.get(question.category_id);
  rest.hide();
  seat.endSwipe();
  seat.ask(category);
  voices.show(question);
  const another = contrast.show({ ...question, confidence: null, earlier: [] }, category, enlarge);
  if (another) seat.flash();
  return another;
}

function preload() {
  const beside = (question) =>
    contrast.listed(contrast.groupsOf(question, categories.get(question.category_id))).map(({ image }) => image.thumbnail_url);
  const near = [...queue.slice(0, DECODED), ...(held ? [held.question] : [])];
  const screens = queue.map(({ image }) => image.screen_url);
  pictures.want([...near.map(({ image }) => image.screen_url), ...near.flatMap(beside), ...screens]);
  for (const { image } of near) pictures.hold(image.screen_url).catch(() => {});
}

function showState() {
  at("waiting").hidden = !waiting;
  seat.setText(at("waiting"), tn("{n} waits for you", "{n} wait for you", waiting));
  seat.showSync(sender.state, sender.waiting.length);
  seat.undoButton.disabled = !held;
  if (sender.state === "signed-out" || sender.state === "stale") block(sender.state);
}

function clearSeat() {
  shown = null;
  seat.hide();
  contrast.hide();
  zoom.clear();
}

function block(state) {
  clearSeat();
  rest.showBlocked(state, sender.waiting.length, here);
}

function showRest() {
  clearTimeout(poll);
  if (trouble?.status === 401) return block("signed-out");
  if (trouble?.status === 403) return block("stale");
  clearSeat();
  if (fetching && !trouble) return;
  poll = setTimeout(refill, POLL);
  if (trouble) return rest.showTrouble(trouble);
  rest.show({
    title: t("Nothing waits for you"),
    text: t("What labelers disagree about next appears here by itself."),
    link: { href: `/projects/${encodeURIComponent(project)}/quality`, text: t("Quality") },
    undo: Boolean(held),
  });
}

// --- Wiring

function enlarge(index) {
  const [question] = queue;
  if (!question) return;
  const groups = contrast.groupsOf(question, categories.get(question.category_id));
  viewer.open(contrast.listed(groups), question.image, index);
}

const DIGITS = Array.from("123456789");
const PANS = { "pan-left": [-PAN, 0], "pan-right": [PAN, 0], "pan-up": [0, -PAN], "pan-down": [0, PAN] };
const ACTS = {
  yes: () => decide("yes", KEY_GUARD),
  no: () => decide("no", KEY_GUARD),
  unsure: () => decide("unsure", KEY_GUARD),
  undo,
  compare: () => enlarge(0),
  "zoom-in": () => zoom.in(),
  "zoom-out": () => zoom.out(),
  "zoom-reset": () => zoom.reset(),
  help: () => keylist.open(),
};
const keymap = new Keymap(
  {
    yes: ["y", "arrowright"],
    no: ["n", "arrowleft"],
    unsure: ["u"],
    undo: ["z", "backspace"],
    compare: ["e"],
    "zoom-in": ["+", "="],
    "zoom-out": ["-"],
    "zoom-reset": ["0"],
    help: ["?"],
  },
  {
    ...Object.fromEntries(DIGITS.map((digit) => [digit, digit])),
    ...Object.fromEntries(Object.keys(PANS).map((pan) => [pan.replace("pan-", "shift+arrow"), pan])),
  },
  preferences.keys,
);
listen(
  keymap,
  (action) => {
    if (PANS[action]) zoom.pan(...PANS[action]);
    else if (DIGITS.includes(action)) enlarge(Number(action) - 1);
    else ACTS[action]();
  },
  [...Object.keys(PANS), "zoom-in", "zoom-out"],
);
keylist.set(
  keymap,
  {
    yes: t("Yes, it is one"),
    no: t("No, it is not"),
    unsure: t("Unsure: it stays as it was"),
    undo: t("Undo the last answer"),
    compare: t("Enlarge the examples; arrows go through them"),
    "zoom-in": t("Enlarge the picture"),
    "zoom-out": t("Make it smaller"),
    "zoom-reset": t("Show it whole"),
    help: t("These keys"),
  },
  ({ actions, changed }) => {
    seat.showKeys(keymap);
    return savePreferences(({ keys }) => {
      const others = Object.entries(keys).filter(([action]) => !actions.includes(action));
      return { keys: { ...Object.fromEntries(others), ...changed } };
    });
  },
);
seat.showKeys(keymap);

for (const button of seat.buttons) {
  button.addEventListener("click", () => decide(button.dataset.answer, CLICK_GUARD));
}
seat.undoButton.addEventListener("click", undo);
rest.undoButton.addEventListener("click", undo);
for (const name of ["zoom-in", "zoom-out", "zoom-reset"]) at(name).addEventListener("click", ACTS[name]);
at("help-button").addEventListener("click", ACTS.help);
swipe.listen(at("pane"), {
  ready: () => Boolean(shown) && zoom.scale === 1,
  moved: seat.showSwipe,
  ended: (answer) => {
    seat.endSwipe();
    if (answer) decide(answer, CLICK_GUARD);
  },
});

// Whoever goes away has decided: on a phone the page may never come back.
addEventListener("pagehide", release);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) release();
});
addEventListener("online", refill);

sender.kick();
refill();
