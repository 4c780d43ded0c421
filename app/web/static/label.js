// The labeler's seat: shows one proposal after the other and makes exactly one decision of each.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { clientId, randomId } from "./identity.js";
import { Keymap, listen } from "./keys.js";
import { Pictures } from "./pictures.js";
import * as seat from "./seat.js";
import { Sender } from "./sender.js";
import { AHEAD, Supply, withImages } from "./supply.js";
import { Unsent } from "./unsent.js";
import * as viewer from "./viewer.js";

// Nobody answers a picture that they have seen for less than this (milliseconds). A second click of
// a double click comes later than a second key press, and a new question takes longer to notice.
const KEY_GUARD = 150;
const CLICK_GUARD = 350;
const CHANGE_GUARD = 500;

const POLL = 4000;
const PAST = 50;
const UNDO_TRIES = 3;

const { project, user } = document.getElementById("seat").dataset;
const base = `/api/v1/projects/${encodeURIComponent(project)}`;
const here = `/projects/${encodeURIComponent(project)}/label`;

const keymap = new Keymap(
  {
    yes: ["y", "arrowright"],
    no: ["n", "arrowleft"],
    unsure: ["u"],
    undo: ["z", "backspace"],
    compare: ["e"],
    help: ["?"],
  },
  Object.fromEntries(Array.from("123456789", (digit) => [digit, digit])),
);
const client = await clientId(sessionStorage);
const pictures = new Pictures();
const help = document.getElementById("help");

let shown = null; // the proposal that may be answered now
let shownAt = 0;
let guard = 0;
let undoing = false;
let round = null;
let history = []; // my decisions in force, the newest last: {key, id, proposal}
let historyLoaded = Promise.resolve();
let poll = 0;

const sender = new Sender(
  new Unsent(localStorage, user, project),
  ({ proposal, key, lease_token, answer, seconds }) =>
    call("POST", `${base}/proposals/${proposal}/decisions`, {
      key,
      body: { lease_token, answer, seconds },
    }),
  { saved, refused, changed: showState },
);
const supply = new Supply(
  (count) => call("POST", `${base}/proposals/lease`, { body: { client, count } }),
  () => sender.waiting.map(({ proposal }) => proposal),
  { arrived, lost },
);

// --- Deciding

function decide(answer, wait) {
  const now = performance.now();
  if (!shown || undoing || now - shownAt < Math.max(wait, guard)) return;
  if (!seat.canAnswer(answer)) return;
  const proposal = shown;
  shown = null;
  const key = randomId();
  history.push({ key, id: null, proposal });
  seat.press(answer);
  seat.forgetChange();
  // Kept in storage before the next picture shows; sent in the background.
  sender.add({
    key,
    proposal: proposal.id,
    lease_token: proposal.lease_token,
    answer,
    seconds: Math.round(now - shownAt) / 1000,
    at: Date.now(),
    order: history.length,
  });
  supply.shift();
  showNext();
}

function saved(decision, { body }) {
  const entry = history.find(({ key }) => key === decision.key);
  if (entry) entry.id = body.decision.id;
  supply.progress = body.progress;
}

function refused(decision, problem) {
  history = history.filter(({ key }) => key !== decision.key);
  supply.refused(decision.proposal);
  seat.say(problem.message);
  if (problem.kind === "round-closed") supply.refill();
}

function lost(proposals, ended) {
  if (!proposals.includes(shown)) return;
  shown = null;
  seat.say(
    ended === null
      ? "This picture went to another labeler meanwhile. Here is the next one."
      : `Round ${ended} is over. Nothing more can be answered in it.`,
  );
}

// --- Undo

async function undo() {
  if (undoing) return;
  undoing = true;
  seat.undoButton.disabled = true;
  await historyLoaded; // right after a reload the last decision is known to the server only
  const last = history.at(-1);
  try {
    if (!last) seat.say("There is nothing to undo in this round.");
    else await (sender.takeBack(last.key) ? takeBack(last) : undoSaved(last));
  } catch (problem) {
    seat.say(problem instanceof Passing ? "The server cannot be reached. Nothing was undone; try again." : problem.message);
    // Undone elsewhere, or its round is over: it can never be undone here.
    if (!(problem instanceof Passing)) history = history.filter((entry) => entry !== last);
  } finally {
    undoing = false;
    showState();
  }
}

function takeBack(last) {
  history.pop();
  putBack(last.proposal);
}

async function undoSaved(last) {
  if (last.id === null && sender.state === "offline") {
    seat.say("This answer is on its way to the server. It can be undone when the network is back.");
    return;
  }
  if (last.id === null) await sender.settled(last.key);
  if (last.id === null) return; // it was refused: there is nothing to undo
  const { body } = await undoRequest(last.id, randomId());
  history = history.filter((entry) => entry !== last);
  supply.progress = body.progress;
  if (!body.proposal) return; // somebody else has it by now
  withImages({ proposals: [body.proposal], categories: [body.category], images: body.images });
  putBack(body.proposal, body.category);
}

async function undoRequest(id, key) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call("POST", `${base}/decisions/${id}/undo`, { key, body: { client } });
    } catch (problem) {
      if (!(problem instanceof Passing) || attempt === UNDO_TRIES) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}

function putBack(proposal, category) {
  supply.putBack(proposal, category);
  shown = null;
  seat.say("Undone. Answer this picture again.");
  showNext();
}

async function loadHistory() {
  try {
    const { body } = await call("GET", `${base}/decisions?limit=${PAST}`);
    const known = new Set(history.map(({ id }) => id));
    const past = body.filter(({ decision, undoable }) => undoable && !known.has(decision.id)).reverse();
    history = [...past.map(({ decision }) => ({ key: null, id: decision.id, proposal: null })), ...history];
  } catch {
    // Undo then reaches only what is decided from now on.
  }
  showState();
}

// --- Showing

function arrived() {
  if (supply.progress && supply.progress.round !== round) {
    if (round !== null) history = [];
    round = supply.progress.round;
    historyLoaded = loadHistory();
  }
  showNext();
}

function showNext() {
  const proposal = supply.first;
  preload();
  showState();
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
  const category = supply.category(proposal);
  const another = seat.showQuestion(proposal.id, image, category, enlarge);
  shown = proposal;
  shownAt = performance.now();
  guard = another ? CHANGE_GUARD : 0;
  const { decided, total } = counted();
  seat.announce(`${seat.question(category.name)} ${decided + 1} of ${total}.`);
}

async function wait(proposal) {
  shown = null;
  seat.showWaiting(supply.category(proposal), enlarge);
  try {
    await pictures.hold(proposal.image.screen_url);
  } catch {
    if (supply.first !== proposal) return;
    seat.showBroken(showNext);
    shown = proposal;
    shownAt = performance.now();
    return;
  }
  if (supply.first === proposal && shown !== proposal) showNext();
}

/** Load and decode what comes next; keep what an undo may bring back. */
function preload() {
  const next = supply.list.slice(0, 1 + AHEAD);
  const last = history.at(-1)?.proposal;
  const urls = (last ? [...next, last] : next).map(({ image }) => image.screen_url);
  pictures.keepOnly([...urls, ...thumbnails(next)]);
  for (const url of [...urls, ...thumbnails(next)]) pictures.hold(url).catch(() => {});
}

function thumbnails(proposals) {
  const categories = new Set(proposals.map((proposal) => supply.category(proposal)));
  return [...categories].flatMap(({ exemplars }) => exemplars.map((each) => each.thumbnail_url));
}

/** How far the round is once the decisions on their way have arrived. */
function counted() {
  const { decided, total, mine } = supply.progress;
  const waiting = sender.waiting.length;
  return { decided: Math.min(total, decided + waiting), total, mine: mine + waiting };
}

function showState() {
  seat.showProgress(supply.progress ? counted() : null);
  seat.showSync(sender.state, sender.waiting.length);
  seat.undoButton.disabled = undoing || !history.length;
  if (sender.state === "signed-out" || sender.state === "stale") showBlocked(sender.state);
}

// --- Nothing to answer

function showBlocked(state) {
  shown = null;
  const waiting = sender.waiting.length;
  const kept = waiting ? ` ${waiting === 1 ? "One answer waits" : `${waiting} answers wait`} in this browser and will be sent.` : "";
  if (state === "signed-out") {
    seat.showRest({
      title: "You are signed out",
      text: `Sign in again to go on.${kept}`,
      link: { href: `/sign-in?next=${encodeURIComponent(here)}`, text: "Sign in" },
    });
  } else {
    seat.showRest({
      title: "Please reload this page",
      text: `You signed in anew in another tab, or your role changed.${kept}`,
      link: { href: here, text: "Reload" },
    });
  }
}

async function showRest() {
  clearTimeout(poll);
  const { trouble, progress } = supply;
  if (trouble?.status === 401) return showBlocked("signed-out");
  if (trouble?.status === 403) return showBlocked("stale");
  poll = setTimeout(() => supply.refill(), POLL);
  if (trouble instanceof Passing) {
    seat.showRest({
      title: "No connection",
      text: "Your answers are safe in this browser. The page goes on by itself when the server answers.",
      busy: true,
    });
  } else if (trouble) {
    seat.showRest({ title: "This did not work", text: trouble.message });
  } else if (progress) {
    showFinished(counted());
  } else {
    await showBetween();
  }
}

function showFinished({ decided, total }) {
  const left = total - decided;
  seat.showRest({
    title: left ? "No open proposals for you now" : `All ${total} are decided`,
    text: left
      ? `Others are answering the last ${left === 1 ? "one" : left}. If one comes back, it appears here.`
      : "Thank you. The lead can close the round now; the next one appears here by itself.",
    undo: history.length > 0,
  });
}

const MACHINE = {
  embedding: "The machine is reading new pictures",
  training: "The model is training",
  scoring: "The model is scoring the pool",
};

async function showBetween() {
  let newest;
  try {
    [newest] = (await call("GET", `${base}/rounds`)).body;
  } catch {
    newest = null; // the next poll tells
  }
  if (supply.first) return;
  const working = MACHINE[newest?.state];
  seat.showRest({
    title: working ?? "Between rounds",
    text: working
      ? `Round ${newest.number} is on its way. Its pictures appear here by themselves.`
      : "The lead has not started the next round. Its pictures will appear here by themselves.",
    busy: Boolean(working),
  });
}

// --- Wiring

function enlarge(index) {
  const proposal = supply.first;
  if (proposal) viewer.open(supply.category(proposal), proposal.image, index);
}

listen(keymap, (action) => {
  supply.touch();
  if (action === "undo") undo();
  else if (action === "help") help.showModal();
  else if (action === "compare") enlarge(0);
  else if (/^\d$/.test(action)) enlarge(Number(action) - 1);
  else decide(action, KEY_GUARD);
});
for (const button of seat.buttons) {
  button.addEventListener("click", () => decide(button.dataset.answer, CLICK_GUARD));
}
seat.undoButton.addEventListener("click", undo);
seat.restUndo.addEventListener("click", undo);
seat.helpButton.addEventListener("click", () => help.showModal());
wire(help);

document.addEventListener("pointerdown", () => supply.touch());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) supply.touch();
});
addEventListener("online", () => supply.refill());
addEventListener("beforeunload", (event) => {
  if (sender.waiting.length && sender.state !== "signed-out") event.preventDefault();
});
// Leaving for another page of ours gives the pictures back; a reload keeps them.
for (const link of document.querySelectorAll(".bar a")) {
  link.addEventListener("click", () => {
    if (sender.waiting.length) return;
    call("POST", `${base}/proposals/release`, { body: { client }, keepalive: true }).catch(() => {});
  });
}

// What an earlier page could not send goes first, unless the network is still away.
sender.kick();
await Promise.race([sender.drained(), new Promise((resolve) => setTimeout(resolve, 1500))]);
supply.refill();
