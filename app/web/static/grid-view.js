// The grid page's elements: what is shown, never why.

import { MARKED, UNSURE } from "./grid-page.js";
import { fit } from "./grid-fit.js";
import { t, tn } from "./words.js";

const at = (id) => document.getElementById(id);
const board = at("board");

const SHARP = 1.35; // thumbnails may be stretched so far before the copy for screens is taken
const EXAMPLES = 9;
const THUMBNAIL = 320; // pixels of its longer side

const MARKS = {
  wrong: '<svg viewBox="0 0 24 24"><path d="M6 6l12 12M18 6L6 18"/></svg>',
  right: '<svg viewBox="0 0 24 24"><path d="M5 12.5l4.5 4.5L19 7.5"/></svg>',
  unsure: "?",
};

let page = null;
let cells = []; // in the order of the page's tiles
let columns = 1;
let side = 0;
let seen = new WeakSet();

export const buttons = Object.fromEntries(
  ["undo", "all", "unsure", "enlarge", "confirm"].map((name) => [name, at(name)]),
);

new ResizeObserver(() => page && arrange()).observe(board);
const watch = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) seen.add(target);
  },
  { threshold: 0.6 },
);

export const shape = () => ({ columns });

/** The address of a tile's picture, as sharp as its place needs. */
export function urlOf({ proposal: { image } }) {
  const large = side * devicePixelRatio > THUMBNAIL * SHARP;
  return large ? image.screen_url : image.thumbnail_url;
}

/** Show a page; `hold` answers a decoded picture for a tile, at once (or null) and in time. */
export function show(next, category, { peek, hold, retried }) {
  page = next;
  at("rest").hidden = true;
  at("stage").hidden = at("beside").hidden = false;
  showQuestion(category.name);
  cells = [];
  board.replaceChildren();
  arrange();
  watch.disconnect();
  seen = new WeakSet();
  extend({ peek, hold, retried });
  refresh();
}

export function hide() {
  at("stage").hidden = at("beside").hidden = true;
}

/** Tiles that came to the shown page get their cells. */
export function extend({ peek, hold, retried }) {
  for (const tile of page.tiles.slice(cells.length)) {
    const cell = makeCell();
    cells.push(cell);
    const image = peek(urlOf(tile));
    if (image) place(cell, image);
    else fetchInto(tile, cell, { hold, retried });
  }
  arrange({ anew: true });
  for (const cell of cells) if (!seen.has(cell)) watch.observe(cell);
}

async function fetchInto(tile, cell, { hold, retried }) {
  cell.classList.add("waiting");
  const shown = page;
  try {
    place(cell, await hold(urlOf(tile)));
    tile.broken = false;
  } catch {
    cell.classList.remove("waiting");
    tile.broken = true;
  }
  if (shown === page) retried(tile);
}

function place(cell, image) {
  image.alt = ""; // the cell says which picture it is and how it is marked
  cell.querySelector(".picture").replaceChildren(image);
  cell.classList.remove("waiting");
}

function makeCell() {
  const cell = document.createElement("div");
  cell.className = "tile";
  cell.setAttribute("role", "gridcell");
  cell.innerHTML = '<div class="picture"></div><span class="mark" aria-hidden="true"></span>';
  return cell;
}

export const indexOf = (element) => cells.indexOf(element.closest(".tile"));

function showQuestion(name) {
  const text =
    page.mostly === "yes"
      ? t("Which of these are not {category}?", { category: "\0" })
      : t("Which of these are {category}?", { category: "\0" });
  const [before, after] = text.split("\0");
  const em = document.createElement("em");
  em.textContent = name;
  at("question").replaceChildren(before, em, after ?? "");
  at("task").textContent =
    page.mostly === "yes"
      ? t("Mark the wrong ones. All others become yes.")
      : t("Mark the right ones. All others become no.");
  board.dataset.mostly = page.mostly;
}

let categoryShown = null;

/** What a true one looks like; onExample(image) enlarges one. True when the category is another one. */
export function showPanel(category, onExample) {
  if (category.id === categoryShown) return false;
  const another = categoryShown !== null;
  categoryShown = category.id;
  at("category").textContent = category.name;
  at("scientific").textContent = category.scientific_name;
  // Both are rendered by the server, raw HTML off.
  at("definition").innerHTML = category.definition_html;
  at("traits").innerHTML = category.traits_html ?? "";
  at("look-alikes").hidden = !category.look_alikes.length;
  at("look-alike-names").textContent = category.look_alikes.join(", ");
  at("exemplars").replaceChildren(
    ...category.exemplars.slice(0, EXAMPLES).map((image, index, { length: of }) => {
      const picture = new Image();
      picture.src = image.thumbnail_url;
      picture.alt = t("{picture}, enlarge", { picture: t("Example {n} of {of}", { n: index + 1, of }) });
      const button = document.createElement("button");
      button.type = "button";
      button.append(picture);
      button.addEventListener("click", () => onExample(image));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
  return another;
}

// --- Size

/** Tiles as large as the window allows, and rows of as many as fit side by side. */
export function arrange({ anew = false } = {}) {
  if (!page) return;
  const style = getComputedStyle(board);
  const [gap, edges] = [style.columnGap, style.paddingTop].map((length) => Number.parseFloat(length) || 0);
  const scrolls = style.getPropertyValue("--scrolls").trim() === "1"; // on phones, and zoomed
  const height = scrolls ? Infinity : board.clientHeight - 2 * edges;
  const found = fit(page.tiles.length, board.clientWidth - 2 * edges, height, gap);
  side = found.side;
  board.style.setProperty("--side", `${side}px`);
  if (found.columns === columns && !anew) return;
  columns = found.columns;
  board.style.setProperty("--columns", columns);
  // Rows are for those who listen to the page; moving a focused cell would take its focus.
  const focused = document.activeElement;
  const rows = [];
  for (let first = 0; first < cells.length; first += columns) {
    const row = document.createElement("div");
    row.setAttribute("role", "row");
    row.append(...cells.slice(first, first + columns));
    rows.push(row);
  }
  board.replaceChildren(...rows);
  if (board.contains(focused)) focused.focus();
}

// --- Marks

/** Bring marks, the cursor and the counts up to date. */
export function refresh() {
  page.tiles.forEach((tile, index) => {
    const cell = cells[index];
    const state = stateOf(tile);
    if (cell.dataset.state !== state) {
      cell.dataset.state = state;
      cell.querySelector(".mark").innerHTML = MARKS[state] ?? "";
      if (tile.broken || tile.gone) cell.querySelector(".picture").textContent = WORDS[state]();
    }
    cell.dataset.proposal = tile.id;
    cell.tabIndex = index === page.cursor ? 0 : -1;
    cell.setAttribute("aria-selected", String(tile.mark === MARKED));
    cell.setAttribute("aria-disabled", String(tile.gone || tile.broken));
    cell.setAttribute("aria-label", nameOf(index));
  });
  const [yes, no, unsure] = ["yes", "no", "unsure"].map((answer) => page.count(answer));
  at("counts").textContent = t("{yes} yes, {no} no, {unsure} unsure", { yes, no, unsure });
  buttons.unsure.setAttribute("aria-pressed", String(page.tile?.mark === UNSURE));
}

const WORDS = {
  wrong: () => t("marked wrong"),
  right: () => t("marked right"),
  unsure: () => t("unsure"),
  broken: () => t("Does not load: left out"),
  gone: () => t("Went to another labeler"),
};

export function stateOf(tile) {
  if (tile.gone) return "gone";
  if (tile.broken) return "broken";
  if (tile.mark === UNSURE) return "unsure";
  if (tile.mark !== MARKED) return "plain";
  return page.mostly === "yes" ? "wrong" : "right";
}

/** "Picture 5 of 24, marked wrong" */
export function nameOf(index) {
  const place = t("Picture {n} of {of}", { n: index + 1, of: page.tiles.length });
  const word = WORDS[stateOf(page.tiles[index])]?.();
  return word ? `${place}, ${word}` : place;
}

// --- Where one is

export function focusCursor() {
  cells[page.cursor]?.focus();
}

/** Whether the keys belong to the tiles: nothing else is being used. */
export const isHome = (element) => element === document.body || element.id === "main" || board.contains(element);

/** The first tile that nobody can have looked at, or -1. */
export const unseen = () => cells.findIndex((cell) => !seen.has(cell));

export const isLoading = () => cells.some((cell) => cell.classList.contains("waiting"));

export function reveal(index) {
  cells[index].scrollIntoView({ block: "start" });
}

/** What is still to come, for those who listen. */
export function pageText({ decided, total }) {
  const pictures = tn("One picture.", "{n} pictures.", page.tiles.length);
  const progress = t("{decided} of {total} decided.", { decided, total });
  return [at("question").textContent, pictures, progress].join(" ");
}
