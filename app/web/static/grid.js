// The grid: a page of proposals of one category at a time. The odd ones out are marked, the page is
// confirmed, and each tile becomes a decision of its own, made exactly once.

import { withImages } from "./answers.js";
import { Passing, Problem, call } from "./api.js";
import * as bar from "./bar.js";
import * as large from "./grid-large.js";
import { GridPage, UNSURE } from "./grid-page.js";
import { GridSupply } from "./grid-supply.js";
import * as view from "./grid-view.js";
import { clientId, randomId } from "./identity.js";
import * as keylist from "./keylist.js";
import { Keymap, listen } from "./keys.js";
import { Past } from "./past.js";
import { Pictures } from "./pictures.js";
import { loadPreferences, savePreferences } from "./preferences.js";
import * as rest from "./rest.js";
import { Sender } from "./sender.js";
import { Unsent } from "./unsent.js";
import { t, tn } from "./words.js";

// Nobody has looked at a page that they have seen for less than this (milliseconds).
const GUARD = 1000;
const POLL = 4000;
const REACH = 150; // decisions that can be undone: at least two of the largest pages
const PAGES_KEPT = 8;
const LANES = 4; // undos at once
const SIZES = [12, 24, 36, 60];
const BLOCKED = { 401: "signed-out", 403: "stale" };

const KEYS = {
  all: ["a"],
  unsure: ["u"],
  undo: ["z", "backspace"],
  enlarge: ["o"],
  single: ["g"],
  help: ["?"],
};
const FIXED = { " ": "toggle", enter: "confirm", home: "home", end: "end" };
const MOVES = ["left", "right", "up", "down"];
for (const way of MOVES) {
  FIXED[`arrow${way}`] = way;
  FIXED[`shift+arrow${way}`] = `shift-${way}`;
}
const REPEATING = [...MOVES, ...MOVES.map((way) => `shift-${way}`)];

const at = (id) => document.getElementById(id);
const board = at("board");
const size = at("size");
const { project, user } = at("seat").dataset;
const base = `/api/v1/projects/${encodeURIComponent(project)}`;
const single = `/projects/${encodeURIComponent(project)}/label`;
const here = `${single}/grid`;

const [client, preferences] = await Promise.all([clientId(sessionStorage, "grid"), loadPreferences()]);
const keymap = new Keymap(KEYS, FIXED, preferences.keys);
const memory = recall();
const pictures = new Pictures();

let shown = null; // the page that may be confirmed now
let shownAt = 0;
let undoing = false;
let refusals = [];
let poll = 0;

const sender = new Sender(
  new Unsent(localStorage, user, project),
  // What the page for one at a time left here may say more than a tile does.
  ({ proposal, key, lease_token, answer, seconds, reason, category_id }) =>
    call("POST", `${base}/proposals/${proposal}/decisions`, {
      key,
      body: { lease_token, answer, seconds, reason, category_id },
    }),
  { saved, refused, changed: showState },
  sendPage,
);
const past = new Past(
  {
    list: (limit) => call("GET", `${base}/decisions?limit=${limit}`),
    undo: (id, key) => call("POST", `${base}/decisions/${id}/undo`, { key, body: { client: undoClient } }),
  },
  sender,
  REACH,
);
let undoClient = client;
const supply = new GridSupply((body) => call("POST", `${base}/proposals/lease`, { body }), {
  size: preferences.grid_size,
  category: Number(new URLSearchParams(location.search).get("category")) || null,
  name: nextName,
  isUnsent: (id) => sender.waiting.some(({ proposal }) => id === undefined || proposal === id),
  stored: memory.pages,
}, { arrived, lost, ended });

// --- What a reload must not lose: the pages with their marks, and which decisions made a page

function recall() {
  const empty = { client, count: 0, pages: [], groups: [] };
  try {
    const found = JSON.parse(sessionStorage.getItem(memoryName()));
    // A duplicated tab begins with a copy of what belongs to the other.
    return found?.client === client ? found : empty;
  } catch {
    return empty;
  }
}

function memoryName() {
  return `vetted:grid:${user}:${project}`;
}

function remember() {
  memory.pages = supply.toJSON();
  try {
    sessionStorage.setItem(memoryName(), JSON.stringify(memory));
  } catch {
    // Without storage the marks live as long as the page.
  }
}

/** Each page is leased under a name of its own: what a reload asks for is that page, and no other. */
function nextName() {
  memory.count += 1;
  return `${client}-${memory.count}`;
}

// --- Deciding

function confirm() {
  const page = shown;
  if (!page || undoing || performance.now() - shownAt < GUARD) return;
  if (view.isLoading()) return bar.say(t("Some pictures are still on their way."));
  const below = view.unseen();
  if (below >= 0) {
    view.reveal(below);
    return bar.say(t("There are more pictures on this page: look at them first."));
  }
  const { open } = page;
  shown = null;
  const seconds = Math.round((performance.now() - shownAt) / open.length) / 1000;
  const decisions = open.map((tile, order) => ({
    key: randomId(),
    proposal: tile.id,
    lease_token: tile.proposal.lease_token,
    answer: page.answerOf(tile),
    seconds,
    at: Date.now(),
    order,
    page: page.client,
  }));
  // Kept in storage before the next page shows; sent in the background.
  sender.add(...decisions);
  decisions.forEach((decision, index) => noteDecided(decision, open[index], page));
  memory.groups = [...memory.groups, { page: page.client, mostly: page.mostly, ids: [] }].slice(-PAGES_KEPT);
  supply.shift();
  remember();
  showNext();
  sender.drained().then(() => supply.refill());
}

function noteDecided({ key, answer }, { proposal }, page) {
  past.add({
    key,
    proposal,
    image: proposal.image,
    category: supply.category(page).name,
    answer,
    page: page.client,
  });
}

async function sendPage(decisions) {
  const { body } = await call("POST", `${base}/decisions`, {
    body: {
      decisions: decisions.map(({ key, proposal, lease_token, answer, seconds }) => ({
        key,
        proposal_id: proposal,
        lease_token,
        answer,
        seconds,
      })),
    },
  });
  const results = new Map(body.results.map((result) => [result.key, result]));
  return decisions.map(({ key }) => {
    const { decision, problem } = results.get(key);
    // Tried again with the same keys: what is saved already is not made twice.
    if (problem?.status >= 500) throw new Passing(problem.detail);
    if (!problem) return { answer: { body: { decision, progress: body.progress } } };
    const kind = String(problem.type).replace("urn:vetted:", "");
    return { problem: new Problem(problem.status, kind, problem.detail) };
  });
}

function saved({ key, page }, { body: { decision, progress } }) {
  past.saved(key, decision);
  if (supply.progress && progress) supply.progress = progress;
  memory.groups.find((group) => group.page === page)?.ids.push(decision.id);
  remember();
}

function refused({ key }, problem) {
  past.forget(key);
  if (!refusals.length) queueMicrotask(sayRefused);
  refusals.push(problem);
}

/** One sentence for all that a page lost. */
function sayRefused() {
  const taken = refusals.filter(({ kind }) => kind === "lease-lost" || kind === "already-decided");
  const others = refusals.filter((problem) => !taken.includes(problem)).map(({ message }) => message);
  refusals = [];
  const texts = taken.length ? [takenText(taken.length)] : [];
  bar.say([...texts, ...new Set(others)].join(" "));
}

const takenText = (count) =>
  tn("One picture went to another labeler: that answer does not count.", "{n} pictures went to another labeler: these answers do not count.", count);

function lost(tiles) {
  if (!shown || shown !== supply.first) return;
  bar.say(tn("One picture went to another labeler meanwhile.", "{n} pictures went to another labeler meanwhile.", tiles.length));
  view.extend(fetching(shown));
  view.refresh();
  shownAt = performance.now();
}

function ended(number) {
  shown = null;
  past.close();
  bar.say(t("Round {number} is over. Nothing more can be answered in it.", { number }));
}

// --- Marks

function mark(change) {
  if (!shown) return;
  change(shown);
  view.refresh();
  remember();
}

function toggle(index, state) {
  mark((page) => page.toggle(index, state));
  if (shown) bar.announce(view.nameOf(index));
}

function move(way, extends_) {
  if (!shown) return;
  const rtl = getComputedStyle(board).direction === "rtl" ? -1 : 1;
  const { columns } = view.shape();
  const to = shown.cursor + { left: -rtl, right: rtl, up: -columns, down: columns }[way];
  if (to < 0 || to >= shown.tiles.length) return view.focusCursor();
  mark((page) => (extends_ ? page.extendTo(to) : page.moveTo(to)));
  view.focusCursor();
}

// --- Undo

/** Take back the last page; what was answered one at a time, one at a time. */
async function undo() {
  if (undoing) return;
  undoing = true;
  showState();
  try {
    await undoLast();
  } finally {
    undoing = false;
    showState();
  }
}

async function undoLast() {
  await loaded; // right after a reload the last decisions are known to the server only
  const { last } = past;
  const group = memory.groups.find(({ page }) => page === last?.page);
  const entries = group ? past.entries.filter(({ page }) => page === group.page) : [last];
  undoClient = nextName();
  const results = await inLanes(entries, (entry) => past.undo(entry));
  const back = results.flatMap(({ proposal, answer }, index) => {
    const { answer: given } = entries[index];
    if (answer) supply.progress = answer.progress;
    if (answer && proposal) {
      const asked = { ...answer, proposals: [proposal], categories: [answer.category] };
      return { proposal: withImages(asked, supply.categories)[0], given };
    }
    return proposal ? { proposal, given } : [];
  });
  if (back.length) putBack(back, group);
  const said = results.map(({ said: text }) => text).find(Boolean);
  if (said) bar.say(said);
}

async function inLanes(items, work) {
  const results = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}

function putBack(back, group) {
  const [{ proposal: { category_id: categoryId } }] = back;
  const mostly = group?.mostly ?? supply.categories.get(categoryId)?.grid?.mostly ?? "yes";
  const page = new GridPage(undoClient, categoryId, mostly);
  for (const { proposal, given } of back) page.add(proposal, page.markFor(given));
  memory.groups = memory.groups.filter((other) => other !== group);
  shown = null;
  supply.putBack(page);
  remember();
  showNext();
  bar.say(tn("Undone. Answer this picture again.", "Undone. Here are these {n} pictures again.", page.tiles.length));
}

let loaded = Promise.resolve();

async function loadPast() {
  await past.load();
  for (const { page, ids } of memory.groups) {
    for (const entry of past.entries) if (ids.includes(entry.id)) entry.page = page;
  }
  showState();
}

// --- Showing

let round = null;

function arrived() {
  if (supply.progress && supply.progress.round !== round) {
    round = supply.progress.round;
    loaded = loadPast();
  }
  if (shown && shown === supply.first) view.extend(fetching(shown));
  showNext();
  remember();
}

function showNext() {
  const page = supply.first;
  preload();
  showState();
  if (!page) {
    shown = null;
    showRest();
    return;
  }
  clearTimeout(poll);
  if (page === shown) return view.refresh();
  show(page);
}

function show(page) {
  const category = supply.category(page);
  const used = document.activeElement;
  const home = !used || view.isHome(used);
  view.show(page, category, fetching(page));
  const another = view.showPanel(category, (image) => enlarge(image));
  shown = page;
  shownAt = performance.now();
  if (home) view.focusCursor();
  if (another) bar.say(t("Another category now: {category}.", { category: category.name }));
  bar.announce(view.pageText(counted()));
}

function fetching(page) {
  return {
    peek: (url) => pictures.peek(url),
    hold: (url) => pictures.hold(url),
    retried: () => {
      if (page === shown) view.refresh();
    },
  };
}

/** Load the pages that come next, and decode the next one. */
function preload() {
  const [now, next] = supply.list;
  const urls = supply.list.flatMap(({ tiles }) => tiles.map(view.urlOf));
  pictures.want(urls);
  for (const page of [now, next]) {
    for (const tile of page?.open ?? []) pictures.hold(view.urlOf(tile)).catch(() => {});
  }
}

/** Look closely at the tile under the cursor, beside an example if one is given. */
function enlarge(example = null) {
  if (!shown) return;
  large.open(shown, supply.category(shown), example, {
    toggle: (state) => toggle(shown.cursor, state),
    move: (by) => mark((page) => page.moveTo(page.cursor + by)),
    name: () => view.nameOf(shown.cursor),
    state: () => view.stateOf(shown.tile),
    closed: view.focusCursor,
  });
}

/** How far the round is once the decisions on their way have arrived. */
function counted() {
  const { decided, total, mine } = supply.progress;
  const waiting = sender.waiting.length;
  return { decided: Math.min(total, decided + waiting), total, mine: mine + waiting };
}

function showState() {
  bar.showProgress(supply.progress ? counted() : null);
  bar.showSync(sender.state, sender.waiting.length);
  view.buttons.undo.disabled = undoing || !past.open;
  if (!Object.values(BLOCKED).includes(sender.state)) return;
  shown = null;
  view.hide();
  rest.showBlocked(sender.state, sender.waiting.length, here);
}

// --- Nothing to answer

function showRest() {
  clearTimeout(poll);
  view.hide();
  const { trouble } = supply;
  if (BLOCKED[trouble?.status]) return rest.showBlocked(BLOCKED[trouble.status], sender.waiting.length, here);
  poll = setTimeout(() => supply.refill(), POLL);
  if (sender.waiting.length && sender.state === "sending") {
    rest.show({ title: t("Saving your answers"), busy: true });
  } else if (sender.waiting.length) {
    rest.showTrouble(new Passing());
  } else if (trouble) {
    rest.showTrouble(trouble);
  } else {
    rest.show({
      title: t("No further page"),
      text: t("No category is to be labeled a page at a time now. The rest is asked one at a time."),
      link: { href: single, text: t("One at a time") },
      undo: past.open,
    });
  }
}

// --- Wiring

const ACTIONS = {
  toggle: () => shown && toggle(shown.cursor),
  confirm,
  home: () => jump(0),
  end: () => jump(Infinity),
  all: () => mark((page) => page.toggleAll()),
  unsure: () => shown && toggle(shown.cursor, UNSURE),
  undo,
  enlarge: () => enlarge(),
  single: () => at("to-single").click(),
  help: keylist.open,
};
for (const way of MOVES) {
  ACTIONS[way] = () => move(way, false);
  ACTIONS[`shift-${way}`] = () => move(way, true);
}

function jump(index) {
  mark((page) => page.moveTo(index));
  view.focusCursor();
}

listen(
  keymap,
  (action) => {
    supply.touch();
    ACTIONS[action]();
  },
  REPEATING,
);
for (const [name, button] of Object.entries(view.buttons)) {
  button.addEventListener("click", () => {
    supply.touch();
    ACTIONS[name]();
  });
}
rest.undoButton.addEventListener("click", undo);
at("help-button").addEventListener("click", keylist.open);
keylist.set(
  keymap,
  {
    all: t("Mark all, or none"),
    unsure: t("Leave this picture out: unsure"),
    undo: t("Undo the last page, also after a reload"),
    enlarge: t("Look at this picture closely"),
    single: t("One at a time"),
    help: t("These keys"),
  },
  async (keys) => {
    bar.showKeys(keys);
    await savePreferences((before) => {
      const others = Object.entries(before.keys).filter(([action]) => !KEYS[action]);
      return { keys: { ...Object.fromEntries(others), ...keys.changed } };
    });
  },
);

// The press of a mouse would move the focus, and with it the beginning of a range.
board.addEventListener("mousedown", (event) => event.preventDefault());
board.addEventListener("click", (event) => {
  const index = view.indexOf(event.target);
  if (index < 0 || !shown || large.wasHeld()) return;
  supply.touch();
  if (event.shiftKey) mark((page) => page.extendTo(index));
  else toggle(index);
  view.focusCursor();
});
// A long press looks closely, where there are no keys.
large.onHold(board, (event) => {
  const index = view.indexOf(event.target);
  if (index < 0 || !shown) return;
  mark((page) => page.moveTo(index));
  enlarge();
});
board.addEventListener("focusin", (event) => {
  const index = view.indexOf(event.target);
  if (shown && index >= 0 && index !== shown.cursor && !large.isOpen()) mark((page) => page.moveTo(index));
});

size.replaceChildren(...[...new Set([...SIZES, supply.size])].sort((a, b) => a - b).map((each) => new Option(each, each)));
size.value = String(supply.size);
size.addEventListener("change", async () => {
  supply.size = Number(size.value);
  bar.say(t("The pages that are fetched from now on have {n} pictures.", { n: size.value }));
  view.focusCursor();
  try {
    await savePreferences(() => ({ grid_size: supply.size }));
  } catch {
    // It holds for this visit.
  }
});

document.addEventListener("pointerdown", () => supply.touch());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) supply.touch();
});
addEventListener("online", () => sender.drained().then(() => supply.refill()));
addEventListener("beforeunload", (event) => {
  if (sender.waiting.length && sender.state !== "signed-out") event.preventDefault();
});
// Leaving for another page of ours gives the pictures back; a reload keeps them.
for (const link of document.querySelectorAll(".bar a")) {
  link.addEventListener("click", () => {
    if (sender.waiting.length) return;
    for (const { client: name } of supply.list) {
      call("POST", `${base}/proposals/release`, { body: { client: name }, keepalive: true }).catch(() => {});
    }
    memory.count += 1;
    supply.list = [];
    remember();
  });
}

bar.showKeys(keymap);
// What an earlier page could not send goes first, unless the network is still away.
sender.kick();
await Promise.race([sender.drained(), new Promise((resolve) => setTimeout(resolve, 1500))]);
supply.refill();
