// The selected pictures beneath the map: how many of each kind and category, and the pictures in pages.

import { kindName, nameOf } from "./map-colours.js";
import { NO_CONFIDENCE } from "./map-data.js";
import { count, t, tn } from "./words.js";

const ON_A_PAGE = 24;
const MOST_LINES = 10;

const by = (id) => document.getElementById(id);

export class Chosen {
  #data;
  #images;
  #points = [];
  #page = 0;
  #turn = 0;

  /** `images` is the address below which pictures are; `cleared` is called when none is wanted. */
  constructor(data, images, cleared) {
    this.#data = data;
    this.#images = images;
    by("before").addEventListener("click", () => this.#leaf(-1));
    by("after").addEventListener("click", () => this.#leaf(1));
    by("clear").addEventListener("click", cleared);
  }

  show(points) {
    this.#points = points;
    this.#page = 0;
    const many = points.length;
    by("chosen-heading").textContent = many
      ? tn("{n} picture selected", "{n} pictures selected", many)
      : t("Selected pictures");
    by("none-chosen").hidden = many > 0;
    by("some-chosen").hidden = many === 0;
    this.#tellKinds();
    this.#tellCategories();
    this.#showPage();
  }

  #tellKinds() {
    const sizes = tallied(this.#points, this.#data.kind);
    by("by-kind").textContent = sizes.map(([kind, many]) => `${kindName(kind)}: ${count(many)}`).join(" · ");
  }

  #tellCategories() {
    const sizes = tallied(this.#points, this.#data.category);
    const lines = sizes.slice(0, MOST_LINES).map(([category, many]) => this.#line(nameOf(this.#data, category), many));
    const rest = sizes.slice(MOST_LINES);
    const left = rest.reduce((sum, [, many]) => sum + many, 0);
    if (left) lines.push(this.#line(tn("{n} more category", "{n} more categories", rest.length), left));
    by("by-category").replaceChildren(...lines);
  }

  #line(label, many) {
    const row = document.createElement("tr");
    const head = made("th", label);
    head.scope = "row";
    const share = `${((100 * many) / this.#points.length).toFixed(1)} %`;
    row.append(head, made("td", count(many), "number"), made("td", share, "number"));
    return row;
  }

  #leaf(pages) {
    this.#page += pages;
    this.#showPage();
    by("chosen").scrollIntoView({ block: "nearest" });
  }

  async #showPage() {
    const turn = ++this.#turn;
    const start = this.#page * ON_A_PAGE;
    const shown = this.#points.slice(start, start + ON_A_PAGE);
    by("before").disabled = start === 0;
    by("after").disabled = start + ON_A_PAGE >= this.#points.length;
    by("place").textContent = t("{first} to {last} of {all}", {
      first: count(start + 1),
      last: count(start + shown.length),
      all: count(this.#points.length),
    });
    try {
      const items = await Promise.all(shown.map((index) => this.#item(index)));
      if (turn === this.#turn) by("thumbnails").replaceChildren(...items);
    } catch {
      by("thumbnails").replaceChildren();
      by("place").textContent = t("The server did not answer. Reload the page.");
    }
  }

  async #item(index) {
    const { category, kind, confidence } = this.#data;
    const address = `${this.#images}/${await this.#data.hash(index)}`;
    const link = made("a");
    link.href = `${address}/original`;
    link.target = "_blank";
    link.rel = "noopener";
    const picture = made("img");
    picture.src = `${address}/thumbnail`;
    picture.alt = "";
    picture.loading = "lazy";
    picture.width = picture.height = 128;
    const words = made("p");
    const name = made("strong", nameOf(this.#data, category[index]));
    words.append(name, made("span", about(kind[index], confidence[index]), "soft"));
    link.append(picture, words);
    const item = made("li");
    item.append(link);
    return item;
  }
}

/** A point's kind, and the confidence in its category where there is one. */
export const about = (kind, confidence) =>
  confidence === NO_CONFIDENCE
    ? kindName(kind)
    : t("{kind}, confidence {percent} %", { kind: kindName(kind), percent: confidence });

/** [[value, how many points have it], ...], the most frequent first. */
function tallied(points, values) {
  const sizes = new Map();
  for (const index of points) sizes.set(values[index], (sizes.get(values[index]) ?? 0) + 1);
  return [...sizes].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
}

function made(name, text = "", kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}
