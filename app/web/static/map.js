// The map of a round: its pictures as points, to look at, to search and to select.

import { Passing, call } from "./api.js";
import { Chosen, about } from "./map-chosen.js";
import { BEHIND, keyOf, nameOf, paintOf } from "./map-colours.js";
import { MapData } from "./map-data.js";
import { Hands } from "./map-hands.js";
import { Search } from "./map-search.js";
import { View } from "./map-view.js";
import { count, t } from "./words.js";

const ASK_AGAIN = 2000; // milliseconds
const NEAR = 8; // pixels from a point that are on it
const FINGER = 18;
const TIP = { width: 300, height: 150 };

const { project, round, drawing } = document.getElementById("lead").dataset;
const here = `/api/v1/projects/${encodeURIComponent(project)}`;
const images = `${here}/images`;
const by = (id) => document.getElementById(id);

/** Ask until the map of a round is drawn, then show it. */
async function wait() {
  try {
    if (!document.hidden) {
      await call("GET", `${here}/rounds/${drawing}/map`);
      return location.assign(`/projects/${encodeURIComponent(project)}/map?round=${drawing}`);
    }
  } catch (error) {
    if (!(error instanceof Passing) && error.status !== 404) return location.reload();
  }
  setTimeout(wait, ASK_AGAIN);
}

class Atlas {
  #data;
  #view;
  #hands;
  #chosen;
  #search = new Search();
  #places;
  #key;
  #paint;
  #hidden = new Set();
  #spot = null;
  #picked = null;
  #hovered = null;

  constructor(data) {
    this.#data = data;
    this.#view = new View(by("map"), () => this.#tip(null));
    this.#chosen = new Chosen(data, images, () => this.#select([]));
    this.#hands = new Hands(by("stage"), by("map"), this.#view, {
      hover: (pixel) => this.#hover(pixel),
      click: (pixel, event) => this.#click(pixel, event),
      rope: (line) => this.#select(this.#inside(line.map((pixel) => this.#view.place(pixel)))),
      key: (name) => (name === "select" ? this.#selectInView() : this.#select([])),
    });
    this.#wire();
    this.#look();
    this.#colour();
  }

  get flat() {
    return this.#view.flat;
  }

  #wire() {
    const on = (id, kind, act) => by(id).addEventListener(kind, act);
    on("closer", "click", () => this.#view.zoom(1.5));
    on("farther", "click", () => this.#view.zoom(1 / 1.5));
    on("reset", "click", () => this.#view.reset());
    on("in-view", "click", () => this.#selectInView());
    on("colour", "change", () => {
      this.#hidden.clear();
      this.#colour();
    });
    on("spot", "input", () => this.#highlight(false));
    on("spot", "change", () => this.#highlight(true));
    for (const radio of document.querySelectorAll('[name="view"]')) {
      radio.addEventListener("change", () => this.#look());
    }
    for (const radio of document.querySelectorAll('[name="hand"]')) {
      radio.addEventListener("change", () => this.#hold());
    }
    this.#hold();
    const names = [...this.#data.names.values()].sort((one, other) => one.localeCompare(other));
    by("spots").replaceChildren(...names.map((name) => new Option(name, name)));
    for (const control of document.querySelectorAll(".tools :disabled, .key :disabled")) control.disabled = false;
  }

  // --- What is shown

  #look() {
    this.#tip(null);
    this.#places = this.#data.views[chosenOf("view")];
    this.#view.move(this.#places);
  }

  #hold() {
    this.#hands.lasso = chosenOf("hand") === "lasso";
    by("stage").classList.toggle("lasso", this.#hands.lasso);
  }

  #colour() {
    this.#key = keyOf(this.#data, by("colour").value);
    const entries = this.#key.entries.map((entry, place) => this.#entry(entry, place));
    by("entries").replaceChildren(...entries.filter((_, place) => this.#key.entries[place].count));
    this.#repaint();
  }

  #entry({ label, colour, count: many }, place) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "entry";
    button.setAttribute("aria-pressed", "true");
    const [swatch, name, number] = ["swatch", "name", "number"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      return part;
    });
    swatch.style.color = `rgb(${colour.join(" ")})`;
    name.textContent = button.title = label;
    number.textContent = count(many);
    button.append(swatch, name, number);
    button.addEventListener("click", () => {
      const on = this.#hidden.delete(place);
      if (!on) this.#hidden.add(place);
      button.setAttribute("aria-pressed", String(on));
      this.#repaint();
    });
    item.append(button);
    return item;
  }

  #highlight(finished) {
    const wanted = by("spot").value.trim().toLocaleLowerCase();
    const found = [...this.#data.names].find(([, name]) => name.toLocaleLowerCase() === wanted);
    by("no-spot").textContent = wanted && !found && finished ? t("There is no category of this name on the map.") : "";
    const spot = found ? found[0] : null;
    if (spot === this.#spot) return;
    this.#spot = spot;
    this.#repaint();
  }

  #repaint() {
    this.#paint = paintOf(this.#data, this.#key, { hidden: this.#hidden, spot: this.#spot, chosen: this.#picked });
    this.#view.colour(this.#paint);
  }

  // --- Pointing

  #stands = (index) => this.#paint[4 * index + 3] >= BEHIND;

  #nearest(pixel, reach) {
    const far = Math.max(reach, this.#view.pointSize / 2) / this.#view.scale;
    return this.#search.nearest(this.#places, this.#view.place(pixel), far, this.#stands);
  }

  #hover(pixel) {
    this.#tip(pixel && this.#nearest(pixel, NEAR));
  }

  async #tip(index) {
    if (index === this.#hovered) return;
    this.#hovered = index;
    const tip = by("tip");
    by("stage").classList.toggle("on-point", index !== null);
    tip.hidden = true;
    if (index === null) return;
    const { category, kind, confidence } = this.#data;
    const [picture, name, words] = ["img", "strong", "p"].map((kind_) => tip.querySelector(kind_));
    try {
      picture.src = `${images}/${await this.#data.hash(index)}/thumbnail`;
    } catch {
      picture.removeAttribute("src"); // the words are shown all the same
    }
    if (index !== this.#hovered) return;
    name.textContent = nameOf(this.#data, category[index]);
    words.textContent = about(kind[index], confidence[index]);
    const [x, y] = this.#view.pixel([this.#places[2 * index], this.#places[2 * index + 1]]);
    const { width, height } = by("stage").getBoundingClientRect();
    const left = x + 14 + TIP.width > width ? Math.max(x - 14 - TIP.width, 4) : x + 14;
    const top = Math.min(Math.max(y - TIP.height / 2, 4), Math.max(height - TIP.height - 4, 4));
    tip.style.transform = `translate(${left}px, ${top}px)`;
    tip.hidden = false;
  }

  /** A click opens the picture; a finger, which cannot hover, selects it. */
  async #click(pixel, { pointerType }) {
    const touch = pointerType === "touch";
    const index = this.#nearest(pixel, touch ? FINGER : NEAR);
    if (index === null) return;
    if (touch || this.#hands.lasso) return this.#select([index]);
    window.open(`${images}/${await this.#data.hash(index)}/original`, "_blank", "noopener");
  }

  // --- Selecting

  #inside(line) {
    // What an earlier selection has dimmed can be selected again; what is switched off can not.
    const hidden = (index) => this.#hidden.has(this.#key.of[index]);
    const other = (index) => this.#spot !== null && this.#data.category[index] !== this.#spot;
    return this.#search.inside(this.#places, line, (index) => !hidden(index) && !other(index));
  }

  #selectInView() {
    const { width, height } = by("map").getBoundingClientRect();
    const corners = [[0, 0], [width, 0], [width, height], [0, height]];
    this.#select(this.#inside(corners.map((pixel) => this.#view.place(pixel))));
  }

  #select(points) {
    const sure = this.#data.confidence;
    points.sort((one, other) => sure[other] - sure[one] || one - other);
    this.#picked = points.length ? new Set(points) : null;
    this.#chosen.show(points);
    this.#repaint();
  }
}

const chosenOf = (name) => document.querySelector(`[name="${name}"]:checked`).value;

async function show() {
  const status = by("status");
  try {
    const atlas = new Atlas(await MapData.load(`${here}/rounds/${round}/map`));
    status.textContent = atlas.flat ? t("This browser shows no WebGL: the map is drawn more slowly.") : "";
    status.classList.add("note");
    requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("map-drawn")));
  } catch (error) {
    status.textContent =
      error instanceof Passing ? t("The server did not answer. Reload the page.") : error.message;
  }
}

if (drawing) wait();
if (round) show();
