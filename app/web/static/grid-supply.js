// The pages that are leased to this tab: the first is shown, the others are ready for it.

import { withImages } from "./answers.js";
import { Passing, Problem } from "./api.js";
import { GridPage } from "./grid-page.js";

const AHEAD = 2;
const MOST_AHEAD = 60; // pictures: two large pages ahead would keep too many from others
const IDLE = 10 * 60_000; // a labeler who went away does not keep pictures from others
const RENEW_AT = 0.6; // of a lease's life
const LONGEST = 60 * 60_000;

export class GridSupply {
  list = [];
  categories = new Map();
  progress = null;
  /** null, or the error of the last attempt to lease. */
  trouble = null;
  size;
  #lease;
  #name;
  #isUnsent;
  #on;
  #wanted;
  #stored;
  #running = null;
  #again = false;
  #timer = null;
  #active = performance.now();

  /**
   * @param lease (body) => promise of {body, now}
   * @param size how many pictures a page has
   * @param category the id of the one to begin with, or null
   * @param name () => an unused client name
   * @param isUnsent (proposal's id) => whether a decision on it is on its way; without an id, whether
   *   any is. What waits may still be counted as open: a new page would take it from itself
   * @param stored the pages that an earlier page of this tab showed, as `toJSON` wrote them
   * @param on {arrived(), lost(tiles of the shown page), ended(number of the round)}
   */
  constructor(lease, { size, category, name, isUnsent, stored = [] }, on) {
    this.size = size;
    this.#wanted = category;
    this.#stored = stored;
    this.#lease = lease;
    this.#name = name;
    this.#isUnsent = isUnsent;
    this.#on = on;
  }

  get first() {
    return this.list[0] ?? null;
  }

  category(page) {
    return this.categories.get(page.categoryId);
  }

  /** The first page was confirmed. */
  shift() {
    return this.list.shift();
  }

  /** Decisions were undone: their proposals are in question again, before everything else. */
  putBack(page) {
    this.list.unshift(page);
    this.#renewLater(page, 0); // soon: their leases may be of different ages
  }

  toJSON() {
    return [...this.list, ...this.#stored];
  }

  /** Somebody is here: renew what fell due while they were away. */
  touch() {
    this.#active = performance.now();
    if (this.list.some(({ due }) => due < this.#active)) this.refill();
  }

  /** Lease what is missing and renew what is due. One request at a time. */
  refill() {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run() {
    while (this.#again) {
      this.#again = false;
      try {
        await this.#restore();
        await this.#renewAll();
        while (this.#hasRoom() && (await this.#add())) this.#on.arrived();
        this.trouble = null;
      } catch (error) {
        this.trouble = error;
        // Offline: the leases may run out meanwhile. An answer still counts if nobody else was given
        // the picture, so the labeler goes on.
        if (!(error instanceof Passing)) this.list = [];
      }
    }
    this.#on.arrived();
  }

  #hasRoom() {
    if (this.#isUnsent()) return false;
    const [, ...ahead] = this.list;
    const held = ahead.reduce((sum, { tiles }) => sum + tiles.length, 0);
    return ahead.length < AHEAD && (!ahead.length || held + this.size <= MOST_AHEAD);
  }

  /** A further page: of the same category while it lasts, then of the next that may be a grid. */
  async #add() {
    const client = this.#name();
    const category = this.list.at(-1)?.categoryId ?? this.#wanted;
    const page =
      (category && (await this.#fetch(client, category))) || (await this.#fetch(client, null));
    if (!page) return false;
    this.#wanted = page.categoryId;
    this.list.push(page);
    return true;
  }

  async #fetch(client, category) {
    let answer;
    try {
      answer = await this.#ask(client, this.size, [], category);
    } catch (error) {
      // The category that the address names may be gone, or never have been one.
      if (error instanceof Problem && [404, 409, 422].includes(error.status) && category) return null;
      throw error;
    }
    const { body, now } = answer;
    if (!body.grid) return null;
    const page = new GridPage(client, body.grid.category_id, body.grid.mostly);
    this.#fill(page, body);
    this.#renewLater(page, life(body, now));
    return page.tiles.length ? page : null;
  }

  async #ask(client, count, have, category_id) {
    const { body, now } = await this.#lease({ client, count, have, grid: { category_id } });
    const before = this.progress;
    this.progress = body.progress;
    if (before && before.round !== body.progress?.round) {
      this.list = [];
      this.#on.ended(before.round);
    }
    return { body, now };
  }

  #fill(page, body) {
    const known = new Set(page.tiles.map(({ id }) => id));
    for (const proposal of withImages(body, this.categories)) {
      if (!known.has(proposal.id) && !this.#isUnsent(proposal.id)) page.add(proposal);
    }
  }

  // --- Keeping what is held

  async #renewAll() {
    for (const page of [...this.list]) {
      if (page.due > performance.now() || !this.list.includes(page)) continue;
      const held = page.open.map(({ id }) => id);
      const { body, now } = await this.#ask(page.client, Math.max(1, held.length), held, page.categoryId);
      if (this.list.includes(page)) this.#renew(page, held, body, now);
    }
  }

  #renew(page, held, body, now) {
    const leases = new Map(body.leases.map((lease) => [lease.id, lease]));
    for (const tile of page.tiles) Object.assign(tile.proposal, leases.get(tile.id) ?? {});
    // Only what was held when the request left can be missing from its answer.
    const lost = page.open.filter(({ id }) => held.includes(id) && !leases.has(id));
    for (const tile of lost) tile.gone = true;
    this.#fill(page, body);
    this.#renewLater(page, life(body, now));
    if (page === this.first) {
      if (lost.length) this.#on.lost(lost);
    } else {
      page.tiles = page.open; // nobody has seen it: no gap
    }
    if (!page.open.length) this.list = this.list.filter((other) => other !== page);
  }

  #renewLater(page, life) {
    page.due = performance.now() + Math.min(LONGEST, Math.max(1000, life * RENEW_AT));
    clearTimeout(this.#timer);
    const next = Math.min(page.due, ...this.list.map(({ due }) => due));
    this.#timer = setTimeout(() => {
      const away = document.hidden || performance.now() - this.#active > IDLE;
      if (!away) this.refill();
    }, next - performance.now() + 50);
  }

  /** Show again what an earlier page of this tab held, with its marks. */
  async #restore() {
    while (this.#stored.length) {
      const { client, categoryId, mostly, cursor, tiles } = this.#stored[0];
      try {
        const { body, now } = await this.#ask(client, tiles.length, [], categoryId);
        const page = new GridPage(client, categoryId, mostly);
        this.#fill(page, body);
        page.restore(tiles, cursor);
        if (page.tiles.length) this.list.push(page);
        if (page.tiles.length) this.#renewLater(page, life(body, now));
      } catch (error) {
        if (error instanceof Passing || error.status === 401 || error.status === 403) throw error;
      }
      this.#stored = this.#stored.slice(1);
    }
  }
}

/** Milliseconds until the first of the leases ends. */
function life({ leases }, now) {
  return Math.min(...leases.map((lease) => Date.parse(lease.lease_expires_at))) - now;
}
