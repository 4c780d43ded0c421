// Sends decisions one after the other (those of one page together), in order, until the server has
// answered each. A retry carries the same key, so a decision whose answer was lost is not made twice.

import { Passing } from "./api.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const MOST = 60; // decisions that the server takes at once

// Refusals that are about who asks, not about the decision: it waits until they are mended.
const WAITS = { 401: "signed-out", 403: "stale" };

export class Sender {
  /** "idle", "sending", "offline", "signed-out" or "stale" (the page's form token is out of date). */
  state = "idle";
  waiting;
  #unsent;
  #post;
  #postAll;
  #on;
  #running = false;
  #wake = null;
  #settled = new Map();

  /**
   * @param unsent the storage
   * @param post (decision) => promise of the server's answer
   * @param on {saved(decision, answer), refused(decision, problem), changed()}
   * @param postAll (decisions) => promise of one {answer} or {problem} for each; where it is given,
   *   decisions of one `page` go together
   */
  constructor(unsent, post, on, postAll = null) {
    this.#unsent = unsent;
    this.#post = post;
    this.#postAll = postAll;
    this.#on = on;
    this.waiting = unsent.load();
    addEventListener("online", () => this.kick());
  }

  add(...decisions) {
    this.waiting.push(...decisions);
    for (const decision of decisions) this.#unsent.save(decision);
    this.kick();
    this.#on.changed();
  }

  /** Remove a decision that was never on its way. False when it may have reached the server. */
  takeBack(key) {
    const index = this.waiting.findIndex((decision) => decision.key === key);
    if (index < 0 || this.waiting[index].tried) return false;
    const [decision] = this.waiting.splice(index, 1);
    this.#unsent.forget(decision);
    this.#on.changed();
    return true;
  }

  /** Resolves once the server has answered this decision, or at once when it has. */
  settled(key) {
    if (!this.waiting.some((decision) => decision.key === key)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled.set(key, [...(this.#settled.get(key) ?? []), resolve]);
    });
  }

  /** Resolves when nothing waits any more. */
  async drained() {
    while (this.waiting.length) await this.settled(this.waiting[0].key);
  }

  /** Try now, whatever the pause. */
  kick() {
    this.#wake?.();
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    let wait = FIRST_WAIT;
    while (this.waiting.length) {
      const outcome = await this.#try(this.#next());
      if (outcome === "done") {
        wait = FIRST_WAIT;
        continue;
      }
      this.#set(outcome);
      if (outcome !== "offline") break;
      await this.#pause(wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
    this.#running = false;
    if (!this.waiting.length) this.#set("idle");
  }

  #next() {
    const [first] = this.waiting;
    if (!this.#postAll || !first.page) return [first];
    return this.waiting.filter(({ page }) => page === first.page).slice(0, MOST);
  }

  async #try(decisions) {
    if (this.state !== "offline") this.#set("sending");
    for (const decision of decisions.filter(({ tried }) => !tried)) {
      decision.tried = true;
      this.#unsent.save(decision);
    }
    try {
      const outcomes = this.#postAll && decisions[0].page
        ? await this.#postAll(decisions)
        : [{ answer: await this.#post(decisions[0]) }];
      outcomes.forEach(({ answer, problem }, index) => this.#finish(decisions[index], answer, problem));
    } catch (problem) {
      if (problem instanceof Passing) return "offline";
      if (WAITS[problem.status]) return WAITS[problem.status];
      for (const decision of decisions) this.#finish(decision, null, problem);
    }
    this.#set("sending");
    return "done";
  }

  #finish(decision, answer, problem) {
    this.#drop(decision);
    if (problem) this.#on.refused(decision, problem);
    else this.#on.saved(decision, answer);
  }

  #drop(decision) {
    this.waiting = this.waiting.filter((other) => other.key !== decision.key);
    this.#unsent.forget(decision);
    for (const resolve of this.#settled.get(decision.key) ?? []) queueMicrotask(resolve);
    this.#settled.delete(decision.key);
  }

  #set(state) {
    this.state = state;
    this.#on.changed();
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      this.#wake = null;
    });
  }
}
