// One page of the grid: its tiles, their marks and the cursor. It knows no elements and no network.
// mostly "yes": the wrong tiles are marked; mostly "no": the right ones.

export const PLAIN = "plain";
export const MARKED = "marked";
export const UNSURE = "unsure";

export class GridPage {
  tiles = [];
  cursor = 0;
  #anchor = null; // {index, mark}: where the range that Shift extends begins, and what it gives
  #range = null; // {from, to, before}: the extended range and the marks that it covered

  /** @param client the name under which its proposals are leased: each page has its own */
  constructor(client, categoryId, mostly) {
    this.client = client;
    this.categoryId = categoryId;
    this.mostly = mostly;
  }

  add(proposal, mark = PLAIN) {
    this.tiles.push({ id: proposal.id, proposal, mark, broken: false, gone: false });
  }

  /** The mark that gives this answer. */
  markFor(answer) {
    if (answer === "unsure") return UNSURE;
    return answer === this.mostly ? PLAIN : MARKED;
  }

  /** Order and marks as they were: [[id, mark], ...]; what is new comes last. */
  restore(known, cursor) {
    const places = new Map(known.map(([id], place) => [id, place]));
    const marks = new Map(known);
    const placeOf = ({ id }) => places.get(id) ?? known.length;
    this.tiles.sort((one, other) => placeOf(one) - placeOf(other));
    for (const tile of this.tiles) tile.mark = marks.get(tile.id) ?? PLAIN;
    this.moveTo(cursor);
  }

  /** What can still be answered here. */
  get open() {
    return this.tiles.filter(({ gone }) => !gone);
  }

  get tile() {
    return this.tiles[this.cursor] ?? null;
  }

  /** Nobody can have judged a picture that does not load. */
  answerOf({ mark, broken }) {
    if (broken || mark === UNSURE) return "unsure";
    const other = this.mostly === "yes" ? "no" : "yes";
    return mark === MARKED ? other : this.mostly;
  }

  count(answer) {
    return this.open.filter((tile) => this.answerOf(tile) === answer).length;
  }

  /** Move the cursor; an extended range ends here. */
  moveTo(index) {
    this.cursor = this.#within(index);
    this.#anchor = this.#range = null;
  }

  toggle(index, mark = MARKED) {
    this.moveTo(index);
    const { tile } = this;
    if (tile.gone || tile.broken) return;
    tile.mark = tile.mark === mark ? PLAIN : mark;
    this.#anchor = { index: this.cursor, mark: tile.mark };
  }

  /** Give every tile from where the range began up to this one the mark of its beginning. */
  extendTo(index) {
    this.#anchor ??= { index: this.cursor, mark: MARKED };
    this.#takeRangeBack();
    this.cursor = this.#within(index);
    const from = Math.min(this.#anchor.index, this.cursor);
    const to = Math.max(this.#anchor.index, this.cursor) + 1;
    const covered = this.tiles.slice(from, to);
    this.#range = { from, before: covered.map(({ mark }) => mark) };
    for (const tile of covered) if (!tile.gone && !tile.broken) tile.mark = this.#anchor.mark;
  }

  /** A range that shrinks leaves its tiles as they were. */
  #takeRangeBack() {
    this.#range?.before.forEach((mark, place) => {
      this.tiles[this.#range.from + place].mark = mark;
    });
    this.#range = null;
  }

  /** Mark all, or none where all are marked; what is unsure stays unsure. */
  toggleAll() {
    this.#anchor = this.#range = null;
    const tiles = this.open.filter(({ broken, mark }) => !broken && mark !== UNSURE);
    const mark = tiles.every((tile) => tile.mark === MARKED) ? PLAIN : MARKED;
    for (const tile of tiles) tile.mark = mark;
  }

  #within(index) {
    return Math.max(0, Math.min(this.tiles.length - 1, index));
  }

  /** What a reload needs to show the same page again. */
  toJSON() {
    const { client, categoryId, mostly, cursor } = this;
    return { client, categoryId, mostly, cursor, tiles: this.open.map(({ id, mark }) => [id, mark]) };
  }
}
