// The proposals that are leased to this tab, in labeling order. The first is the one in question.

import { withImages } from "./answers.js";
import { Passing } from "./api.js";

const AHEAD = 40; // pictures at hand: enough for thirty answers without the network
const FIRST = 6; // the first request is small: the first picture comes sooner
const BATCH = 8; // answers between two requests
const LOW = 2;
const MOST = 60;
const IDLE = 10 * 60_000; // a labeler who went away does not keep pictures from others
const RENEW_AT = 0.6; // of a lease's life

export class Supply {
  list = [];
  categories = new Map();
  progress = null;
  /** null, or the error of the last attempt to lease. */
  trouble = null;
  /** Whether the server has answered once. */
  asked = false;
  #lease;
  #unsent;
  #on;
  #answered = new Set();
  #running = null;
  #timer = null;
  #renewalDue = 0;
  #active = performance.now();
  #level = 0; // how many were at hand after the last request

  /**
   * @param lease ({count, have}) => promise of {body, now}
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
    // Others may hold the rest: then the last answer's number counts, or each answer would ask again.
    const low = Math.min(this.#target(), this.#level) - BATCH;
    if (this.list.length <= Math.max(LOW, low)) this.refill();
    return proposal;
  }

  /** A decision was undone: its proposal is in question again. `answer` is the server's, if it was asked. */
  putBack(proposal, answer) {
    this.#answered.delete(proposal.id);
    const asked = answer && { ...answer, proposals: [proposal], categories: [answer.category] };
    const back = asked ? withImages(asked, this.categories)[0] : proposal;
    this.list = [back, ...this.list.filter((other) => other.id !== back.id)];
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

  /** Lease what is missing and renew what is held. One request at a time; after the first, small one another. */
  refill() {
    this.#running ??= this.#refill().then((again) => {
      this.#running = null;
      if (again) this.refill();
    });
    return this.#running;
  }

  /** Resolves when nothing that was asked for is on its way. */
  async idle() {
    while (this.#running) await this.#running;
  }

  /** How many to hold. Near the end of a round at most half of what is open: others label too. */
  #target() {
    if (!this.progress) return FIRST;
    const open = this.progress.total - this.progress.decided;
    return Math.min(AHEAD, Math.max(FIRST, Math.ceil(open / 2)));
  }

  /** Whether to ask again at once. */
  async #refill() {
    const have = this.list.map(({ id }) => id);
    // What is on its way to the server may still be counted as held: ask for so many more.
    const count = Math.min(MOST, Math.max(this.#target(), have.length) + this.#unsent().length);
    const first = !this.progress;
    try {
      const { body, now } = await this.#lease({ count, have: have.slice(0, MOST) });
      this.trouble = null;
      this.asked = true;
      this.#take(body, new Set(have), now);
    } catch (error) {
      this.trouble = error;
      // Offline: the leases may run out meanwhile. An answer still counts if nobody else was given
      // the picture, so the labeler goes on.
      if (!(error instanceof Passing)) this.list = [];
    }
    this.#level = this.list.length;
    this.#on.arrived();
    return first && this.list.length > 0 && this.list.length < this.#target();
  }

  #take({ progress, leases, proposals, categories, images }, before, now) {
    const ended = progress?.round === this.progress?.round ? null : (this.progress?.round ?? null);
    if (progress?.round !== this.progress?.round) this.#answered.clear();
    this.progress = progress;
    const complete = withImages({ images, proposals, categories }, this.categories);
    const details = new Map(complete.map((each) => [each.id, each]));
    const leased = new Map(leases.map((lease) => [lease.id, lease]));
    // Only what was held when the request left can be missing from its answer.
    const lost = this.list.filter(({ id }) => before.has(id) && !leased.has(id));
    const kept = this.list.filter((proposal) => !lost.includes(proposal));
    for (const proposal of kept) Object.assign(proposal, leased.get(proposal.id) ?? {});
    const fresh = leases.filter(({ id }) => details.has(id) && this.#isNew(id, kept));
    this.list = [...kept, ...fresh.map((lease) => Object.assign(details.get(lease.id), lease))];
    this.#renewLater(leases, now);
    if (lost.length) this.#on.lost(lost, ended);
  }

  #isNew(id, kept) {
    const known = this.#answered.has(id) || this.#unsent().includes(id);
    return !known && !kept.some((other) => other.id === id);
  }

  #renewLater(leases, now) {
    clearTimeout(this.#timer);
    this.#renewalDue = 0;
    if (!leases.length) return;
    const life = Math.min(...leases.map((each) => Date.parse(each.lease_expires_at) - now));
    const pause = Math.max(1000, life * RENEW_AT);
    this.#renewalDue = performance.now() + pause;
    this.#timer = setTimeout(() => {
      const away = document.hidden || performance.now() - this.#active > IDLE;
      if (!away) this.refill();
    }, pause);
  }
}
