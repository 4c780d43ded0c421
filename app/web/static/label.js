// The labeler's seat: shows one proposal after the other and makes exactly one decision of each.

import { Passing, call } from "./api.js";
import * as contrast from "./contrast.js";
import * as history from "./history.js";
import { clientId, randomId } from "./identity.js";
import * as keylist from "./keylist.js";
import { Keymap, listen } from "./keys.js";
import { Past } from "./past.js";
import { Pictures } from "./pictures.js";
import { loadPreferences, savePreferences } from "./preferences.js";
import * as reasons from "./reasons.js";
import * as rest from "./rest.js";
import * as seat from "./seat.js";
import { Sender } from "./sender.js";
import { Session } from "./session.js";
import { Supply } from "./supply.js";
import * as swipe from "./swipe.js";
import { Unsent } from "./unsent.js";
import * as viewer from "./viewer.js";
import { t, tn } from "./words.js";
import { Zoom } from "./zoom.js";

// Nobody answers a picture that they have seen for less than this (milliseconds). A second click of
// a double click comes later than a second key press, and a new question takes longer to notice.
const KEY_GUARD = 150;
const CLICK_GUARD = 350;
const CHANGE_GUARD = 500;

const POLL = 4000;
const AT_HAND = 36; // pictures that are loaded: thirty answers without the network
const DECODED = 6; // of these, the next ones; a decoded picture takes megabytes
const HOLD = 500; // milliseconds on "No" until it asks why
const PAN = 0.15; // of the pane, a press of a key

const { project, user } = document.getElementById("seat").dataset;
const base = `/api/v1/projects/${encodeURIComponent(project)}`;
const here = `/projects/${encodeURIComponent(project)}/label`;
const at = (id) => document.getElementById(id);

const [client, preferences] = await Promise.all([clientId(sessionStorage), loadPreferences()]);
const pictures = new Pictures();
const zoom = new Zoom(at("pane"), () => seat.showZoom(zoom.scale));

let shown = null; // the proposal that may be answered now
let shownAt = 0;
let guard = 0;
let undoing = false;
let round; // null between rounds, undefined before the server has said
let poll = 0;

const sender = new Sender(
  new Unsent(localStorage, user, project),
  ({ proposal, key, lease_token, answer, seconds, reason = null, category_id = null }) =>
    call("POST", `${base}/proposals/${proposal}/decisions`, {
      key,
      body: { lease_token, answer, seconds, reason, category_id },
    }),
  { saved, refused, changed: showState },
);
const supply = new Supply(
  (request) => call("POST", `${base}/proposals/lease`, { body: { client, ...request } }),
  () => sender.waiting.map(({ proposal }) => proposal),
  { arrived, lost },
);
const past = new Past(
  {
    list: (limit) => call("GET", `${base}/decisions?limit=${limit}`),
    undo: (id, key) => call("POST", `${base}/decisions/${id}/undo`, { key, body: { client } }),
  },
  sender,
);
const session = new Session(
  (since) => call("GET", `${base}/session?since=${encodeURIComponent(since)}`),
  preferences.break_minutes,
  { numbers: seat.showNumbers, remind: seat.remind, forget: () => seat.remind("") },
);

// --- Deciding

function decide(answer, wait, why = {}) {
  const now = performance.now();
  if (!shown || undoing || now - shownAt < Math.max(wait, guard)) return;
  if (!seat.canAnswer(answer)) return;
  const proposal = shown;
  shown = null;
  const key = randomId();
  const category = supply.category(proposal).name;
  past.add({ key, proposal, image: proposal.image, category, answer });
  seat.press(answer);
  // Kept in storage before the next picture shows; sent in the background.
  sender.add({
    key,
    proposal: proposal.id,
    lease_token: proposal.lease_token,
    answer,
    ...why,
    seconds: Math.round(now - shownAt) / 1000,
    at: Date.now(),
    order: past.entries.length,
  });
  supply.shift();
  showNext();
}

function askWhy() {
  const proposal = shown;
  if (!proposal || undoing || !seat.canAnswer("no")) return;
  reasons.open(supply.category(proposal).name, proposal.likely, (why, text) => {
    if (shown !== proposal) return; // it went to somebody else meanwhile, and that was said
    decide("no", 0, why);
    seat.say(t("No: {reason}", { reason: text }));
  });
}

function saved(decision, { body }) {
  if (!past.saved(decision.key, body.decision)) past.load().then(showState);
  supply.progress = body.progress;
  session.counted(1);
}

function refused(decision, problem) {
  past.forget(decision.key);
  supply.refused(decision.proposal);
  seat.say(problem.message);
  if (problem.kind === "round-closed") supply.refill();
}

function lost(proposals, ended) {
  if (!proposals.includes(shown)) return;
  shown = null;
  if (ended !== null) seat.say(t("Round {number} is over. Nothing more can be answered in it.", { number: ended }));
  else {
    seat.say(
      tn(
        "This picture went to another labeler meanwhile. Here is the next one.",
        "{n} pictures went to another labeler meanwhile. Here is the next one.",
        proposals.length,
      ),
    );
  }
}

// --- Undo

async function undo(entry) {
  if (undoing) return;
  undoing = true;
  seat.undoButton.disabled = true;
  const { proposal, answer, said, closed } = await past.undo(entry);
  undoing = false;
  if (proposal) {
    if (answer) {
      supply.progress = answer.progress;
      session.counted(-1);
    }
    supply.putBack(proposal, answer);
    shown = null;
    seat.say(t("Undone. Answer this picture again."));
    showNext();
  }
  if (said) seat.say(said);
  if (closed) supply.refill();
  showState();
}

// --- Showing

function arrived() {
  const number = supply.progress?.round ?? null;
  if (supply.asked && number !== round) {
    past.close(); // what was answered in the last round; the server says what may still be undone
    round = number;
    past.load().then(showState);
  }
  showNext();
}

function showNext() {
  const proposal = supply.first;
  preload();
  showState();
  if (sender.state === "signed-out" || sender.state === "stale") return;
  if (!proposal) {
    shown = null;
    showRest();
    return;
  }
  clearTimeout(poll);
  if (proposal === shown) return;
  const image = pictures.peek(proposal.image.screen_url);
  if (image) show(proposal, image);
  else wait(proposal);
}

function show(proposal, image) {
  const another = showQuestion(proposal);
  zoom.show(image, proposal.image);
  seat.showPicture(proposal, image);
  shown = proposal;
  shownAt = performance.now();
  guard = another ? CHANGE_GUARD : 0;
  const { decided, total } = counted();
  const place = t("{n} of {total}", { n: decided + 1, total });
  seat.announce(`${seat.question(supply.category(proposal).name)} ${place}.`);
}

async function wait(proposal) {
  shown = null;
  showQuestion(proposal);
  zoom.clear();
  seat.showWaiting();
  try {
    await pictures.hold(proposal.image.screen_url);
  } catch {
    if (supply.first !== proposal) return;
    seat.showBroken(proposal, () => wait(proposal));
    shown = proposal;
    shownAt = performance.now();
    return;
  }
  if (supply.first === proposal && shown !== proposal) showNext();
}

/** The question and what stands beside it. True when it asks about another category than before. */
function showQuestion(proposal) {
  const category = supply.category(proposal);
  rest.hide();
  seat.endSwipe();
  seat.ask(category);
  const another = contrast.show(proposal, category, enlarge);
  if (another) seat.flash();
  at("grid-link").hidden = !category.grid;
  at("grid-link").href = `${here}/grid?category=${category.id}`;
  return another;
}

/** Load what comes next and decode the nearest; keep what an undo may bring back. */
function preload() {
  const next = supply.list.slice(0, AT_HAND);
  const last = past.last?.proposal;
  const screen = ({ image }) => image.screen_url;
  const near = [...next.slice(0, DECODED), ...(last ? [last] : [])];
  pictures.want([...near.map(screen), ...near.flatMap(beside), ...next.map(screen), ...next.flatMap(beside)]);
  for (const proposal of near) pictures.hold(screen(proposal)).catch(() => {});
}

function beside(proposal) {
  const groups = contrast.groupsOf(proposal, supply.category(proposal));
  return contrast.listed(groups).map(({ image }) => image.thumbnail_url);
}

/** How far the round is once the decisions on their way have arrived. */
function counted() {
  const { decided, total, mine, others } = supply.progress;
  const waiting = sender.waiting.length;
  return { decided: Math.min(total, decided + waiting), total, mine: mine + waiting, others };
}

function showState() {
  seat.showProgress(supply.progress ? counted() : null);
  seat.showSync(sender.state, sender.waiting.length);
  seat.undoButton.disabled = undoing || !past.entries.length;
  history.update(past.entries);
  if (sender.state === "signed-out" || sender.state === "stale") block(sender.state);
}

// --- Nothing to answer

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

async function showRest() {
  clearTimeout(poll);
  const { trouble, progress } = supply;
  if (trouble?.status === 401) return block("signed-out");
  if (trouble?.status === 403) return block("stale");
  clearSeat();
  poll = setTimeout(() => supply.refill(), POLL);
  if (trouble) return rest.showTrouble(trouble);
  if (progress) return rest.showFinished(counted(), past.open);
  const newest = await newestRound();
  if (!supply.first && !supply.progress) rest.showBetween(newest);
}

async function newestRound() {
  try {
    return (await call("GET", `${base}/rounds`)).body[0] ?? null;
  } catch {
    return null; // the next poll tells
  }
}

// --- Wiring

function enlarge(index) {
  const proposal = supply.first;
  if (!proposal) return;
  const groups = contrast.groupsOf(proposal, supply.category(proposal));
  viewer.open(contrast.listed(groups), proposal.image, index);
}

const DIGITS = Array.from("123456789");
const PANS = { "pan-left": [-PAN, 0], "pan-right": [PAN, 0], "pan-up": [0, -PAN], "pan-down": [0, PAN] };
const ACTS = {
  yes: () => decide("yes", KEY_GUARD),
  no: () => decide("no", KEY_GUARD),
  unsure: () => decide("unsure", KEY_GUARD),
  reason: askWhy,
  undo: () => undo(),
  history: () => history.open(past.entries, undo),
  compare: () => enlarge(0),
  "zoom-in": () => zoom.in(),
  "zoom-out": () => zoom.out(),
  "zoom-reset": () => zoom.reset(),
  grid: () => at("grid-link").hidden || at("grid-link").click(),
  help: () => keylist.open(),
};
const keymap = new Keymap(
  {
    yes: ["y", "arrowright"],
    no: ["n", "arrowleft"],
    unsure: ["u"],
    reason: ["r"],
    undo: ["z", "backspace"],
    history: ["h"],
    compare: ["e"],
    "zoom-in": ["+", "="],
    "zoom-out": ["-"],
    "zoom-reset": ["0"],
    grid: ["g"],
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
    supply.touch();
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
    unsure: t("Unsure: somebody else is asked"),
    reason: t("No, and say why"),
    undo: t("Undo the last answer, also after a reload"),
    history: t("Your last answers; go back to one of them"),
    compare: t("Enlarge the examples; arrows go through them"),
    "zoom-in": t("Enlarge the picture"),
    "zoom-out": t("Make it smaller"),
    "zoom-reset": t("Show it whole"),
    grid: t("Answer many at once, where the lead allows it"),
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
seat.whyButton.addEventListener("click", askWhy);
seat.undoButton.addEventListener("click", () => undo());
rest.undoButton.addEventListener("click", () => undo());
at("history-button").addEventListener("click", ACTS.history);
at("help-button").addEventListener("click", ACTS.help);
at("zoom-in").addEventListener("click", ACTS["zoom-in"]);
at("zoom-out").addEventListener("click", ACTS["zoom-out"]);
at("zoom-reset").addEventListener("click", ACTS["zoom-reset"]);
holdFor(document.querySelector("[data-answer=no]"), askWhy);

/** Call act when the button is held. The click that ends the press must not close what act opened. */
function holdFor(button, act) {
  let timer = 0;
  button.addEventListener("pointerdown", () => {
    timer = setTimeout(() => {
      const over = new AbortController();
      const options = { capture: true, once: true, signal: over.signal };
      document.addEventListener("click", (event) => event.stopPropagation(), options);
      for (const next of ["pointerdown", "keydown"]) document.addEventListener(next, () => over.abort(), options);
      act();
    }, HOLD);
  });
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) {
    button.addEventListener(end, () => clearTimeout(timer));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}

swipe.listen(at("pane"), {
  ready: () => Boolean(shown) && zoom.scale === 1,
  moved: seat.showSwipe,
  ended: (answer) => {
    seat.endSwipe();
    if (answer) decide(answer, CLICK_GUARD);
  },
});

for (const event of ["pointerdown", "keydown"]) {
  document.addEventListener(event, () => {
    supply.touch();
    session.active();
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) supply.touch();
});
addEventListener("online", () => supply.refill());
addEventListener("beforeunload", (event) => {
  if (sender.waiting.length && sender.state !== "signed-out") event.preventDefault();
});
// Leaving for another page of ours gives the pictures back; a reload keeps them.
for (const link of document.querySelectorAll(".bar a, #grid-link")) {
  link.addEventListener("click", (event) => {
    if (sender.waiting.length) return;
    const release = () =>
      call("POST", `${base}/proposals/release`, { body: { client }, keepalive: true }).catch(() => {});
    if (link.id !== "grid-link" || event.ctrlKey || event.metaKey || event.shiftKey) return release();
    // The grid asks for the whole category: what is here or on its way must be back before it does,
    // unless it takes long.
    event.preventDefault();
    const given = supply.idle().then(release);
    Promise.race([given, new Promise((resolve) => setTimeout(resolve, 1000))]).then(() => location.assign(link.href));
  });
}

// What an earlier page could not send goes first, unless the network is still away.
sender.kick();
session.refresh();
await Promise.race([sender.drained(), new Promise((resolve) => setTimeout(resolve, 1500))]);
supply.refill();
