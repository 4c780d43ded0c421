// The proposals that are leased to this tab, in labeling order. The first is the one in question.

import { Passing } from "./api.js";

export const AHEAD = 5;
const LOW = 3;
const MOST = 60;
const IDLE = 10 * 60_000; // a labeler who went away does not keep pictures from others
/** Hashes of images, as the server sends them, to the images themselves. */
export function withImages({ proposals, categories, images }) {
  for (const proposal of proposals) proposal.image = images[proposal.image];
  for (const each of categories) each.exemplars = each.exemplars.map((sha256) => images[sha256]);
}

const RENEW_AT = 0.6; // of a lease's life

export class Supply {
  list = [];
  categories = new Map();
  progress = null;
  /** null, or the error of the last attempt to lease. */
  trouble = null;
  #lease;
  #unsent;
  #on;
  #answered = new Set();
  #running = null;
  #timer = null;
  #renewalDue = 0;
  #active = performance.now();

  /**
   * @param lease (count) => promise of {body, now}
   * @param unsent () => the ids of proposals whose decisions are on their way
   * @param on {arrived(), lost(proposals, number of the round that ended meanwhile or null)}
   */
  constructor(lease, unsent, on) {
    this.#lease = lease;
    this.#unsent = unsent;
    this.#on = on;
  }

  get first() {
    return this.list[0] ?? null;
  }

  category(proposal) {
    return this.categories.get(proposal.category_id);
  }

  /** The first was answered. */
  shift() {
    const proposal = this.list.shift();
    this.#answered.add(proposal.id);
    if (this.list.length <= LOW) this.refill();
    return proposal;
  }

  /** A decision was undone: its proposal is in question again. */
  putBack(proposal, category) {
    this.#answered.delete(proposal.id);
    if (category) this.categories.set(category.id, category);
    this.list = [proposal, ...this.list.filter((other) => other.id !== proposal.id)];
  }

  /** The server did not take the answer: should it lease the proposal to us again, ask again. */
  refused(proposalId) {
    this.#answered.delete(proposalId);
  }

  /** Somebody is here: renew what fell due while they were away. */
  touch() {
    this.#active = performance.now();
    if (this.#renewalDue && this.#active > this.#renewalDue) this.refill();
  }

  /** Lease what is missing and renew what is held. One request at a time. */
  refill() {
    this.#running ??= this.#refill().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #refill() {
    const before = new Set(this.list.map((proposal) => proposal.id));
    // What is on its way to the server may still be counted as held: ask for so many more.
    const count = Math.min(MOST, Math.max(1 + AHEAD, before.size) + this.#unsent().length);
    try {
      const { body, now } = await this.#lease(count);
      this.trouble = null;
      this.#take(body, before, now);
    } catch (error) {
      this.trouble = error;
      // Offline: the leases may run out meanwhile. An answer still counts if nobody else was given
      // the picture, so the labeler goes on.
      if (!(error instanceof Passing)) this.list = [];
    }
    this.#on.arrived();
  }

  #take(body, before, now) {
    const { progress, proposals, categories } = body;
    withImages(body);
    const ended = progress?.round === this.progress?.round ? null : (this.progress?.round ?? null);
    if (progress?.round !== this.progress?.round) this.#answered.clear();
    this.progress = progress;
    for (const category of categories) this.categories.set(category.id, category);
    const leased = new Map(proposals.map((proposal) => [proposal.id, proposal]));
    // Only what was held when the request left can be missing from its answer.
    const lost = this.list.filter(({ id }) => before.has(id) && !leased.has(id));
    const kept = this.list.filter((proposal) => !lost.includes(proposal));
    for (const proposal of kept) Object.assign(proposal, leased.get(proposal.id) ?? {});
    this.list = [...kept, ...proposals.filter((proposal) => this.#isNew(proposal, kept))];
    this.#renewLater(proposals, now);
    if (lost.length) this.#on.lost(lost, ended);
  }

  #isNew({ id }, kept) {
    const known = this.#answered.has(id) || this.#unsent().includes(id);
    return !known && !kept.some((other) => other.id === id);
  }

  #renewLater(proposals, now) {
    clearTimeout(this.#timer);
    this.#renewalDue = 0;
    if (!proposals.length) return;
    const life = Math.min(...proposals.map((each) => Date.parse(each.lease_expires_at) - now));
    const pause = Math.max(1000, life * RENEW_AT);
    this.#renewalDue = performance.now() + pause;
    this.#timer = setTimeout(() => {
      const away = document.hidden || performance.now() - this.#active > IDLE;
      if (!away) this.refill();
    }, pause);
  }
}
