// Sends decisions one after the other, in order, until the server has answered each. A retry
// carries the same key, so a decision whose answer was lost is not made twice.

import { Passing } from "./api.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

// Refusals that are about who asks, not about the decision: it waits until they are mended.
const WAITS = { 401: "signed-out", 403: "stale" };

export class Sender {
  /** "idle", "sending", "offline", "signed-out" or "stale" (the page's form token is out of date). */
  state = "idle";
  waiting;
  #unsent;
  #post;
  #on;
  #running = false;
  #wake = null;
  #settled = new Map();

  /**
   * @param unsent the storage
   * @param post (decision) => promise of the server's answer
   * @param on {saved(decision, answer), refused(decision, problem), changed()}
   */
  constructor(unsent, post, on) {
    this.#unsent = unsent;
    this.#post = post;
    this.#on = on;
    this.waiting = unsent.load();
    addEventListener("online", () => this.kick());
  }

  add(decision) {
    this.waiting.push(decision);
    this.#unsent.save(decision);
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
      const outcome = await this.#try(this.waiting[0]);
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

  async #try(decision) {
    if (this.state !== "offline") this.#set("sending");
    if (!decision.tried) {
      decision.tried = true;
      this.#unsent.save(decision);
    }
    try {
      const answer = await this.#post(decision);
      this.#drop(decision);
      this.#on.saved(decision, answer);
    } catch (problem) {
      if (problem instanceof Passing) return "offline";
      if (WAITS[problem.status]) return WAITS[problem.status];
      this.#drop(decision);
      this.#on.refused(decision, problem);
    }
    this.#set("sending");
    return "done";
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
