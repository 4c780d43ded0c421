// What this labeler decided, the newest last, and how to take it back.

import { Passing } from "./api.js";
import { randomId } from "./identity.js";
import { t } from "./words.js";

const REACH = 50; // answers
const TRIES = 3;
const PAUSE = 500;

export class Past {
  /** {key, id, proposal, image, category, answer, undoable}; `id` is null until the server has it. */
  entries = [];
  #undo;
  #list;
  #sender;
  #reach;
  #loaded = Promise.resolve();

  /**
   * @param list (limit) => promise of the server's newest decisions
   * @param undo (id, key) => promise of the server's answer
   * @param sender where decisions wait
   * @param reach how many answers are kept
   */
  constructor({ list, undo }, sender, reach = REACH) {
    this.#reach = reach;
    this.#list = list;
    this.#undo = undo;
    this.#sender = sender;
  }

  get last() {
    return this.entries.at(-1) ?? null;
  }

  /** Whether anything of a round that is still open can be undone. */
  get open() {
    return this.entries.some(({ undoable }) => undoable);
  }

  add(entry) {
    this.entries = [...this.entries, { id: null, undoable: true, ...entry }].slice(-this.#reach);
  }

  /** The server has it. False when it was decided by an earlier page. */
  saved(key, decision) {
    const entry = this.entries.find((each) => each.key === key);
    if (entry) Object.assign(entry, { id: decision.id, picked: decision.picked?.name ?? null });
    return Boolean(entry);
  }

  forget(key) {
    this.entries = this.entries.filter((entry) => entry.key !== key);
  }

  /** The round is over: what was answered in it stays. */
  close() {
    for (const entry of this.entries) entry.undoable = false;
  }

  /** Ask the server what was decided before this page; what only this page knows stays. */
  load() {
    this.#loaded = this.#load();
    return this.#loaded;
  }

  async #load() {
    let found;
    try {
      found = (await this.#list(this.#reach)).body;
    } catch {
      return; // undo then reaches only what is decided from now on
    }
    const mine = new Map(this.entries.map((entry) => [entry.id, entry]));
    const past = found.reverse().map(({ decision, category, image, undoable }) => ({
      key: null,
      proposal: null,
      ...mine.get(decision.id),
      id: decision.id,
      image,
      category,
      answer: decision.answer,
      picked: decision.picked?.name ?? null,
      undoable,
    }));
    const waiting = this.entries.filter(({ id }) => id === null);
    this.entries = [...past, ...waiting].slice(-this.#reach);
  }

  /**
   * Take a decision back, the last one when none is given.
   *
   * Answers {proposal, answer} to put it back, or {said}: why nothing was undone.
   */
  async undo(chosen = null) {
    await this.#loaded; // right after a reload the last decision is known to the server only
    const entry = chosen ?? this.last;
    if (!entry) return { said: t("There is nothing to undo in this round.") };
    if (!entry.undoable) return { said: t("This answer stands: its round is over, or somebody answered the picture since.") };
    if (entry.id === null && this.#sender.takeBack(entry.key)) {
      this.forget(entry.key);
      return { proposal: entry.proposal, answer: null };
    }
    if (entry.id === null && this.#sender.state === "offline") {
      return { said: t("This answer is on its way to the server. It can be undone when the network is back.") };
    }
    if (entry.id === null) await this.#sender.settled(entry.key);
    if (entry.id === null) return { said: null }; // it was refused, and that was said
    return this.#undoSaved(entry);
  }

  async #undoSaved(entry) {
    const key = randomId();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { body } = await this.#undo(entry.id, key);
        this.entries = this.entries.filter((each) => each !== entry);
        // A repeated request whose first answer was lost: somebody else may have the picture by now.
        const said = body.proposal ? null : t("Undone. The picture went to somebody else meanwhile.");
        return { proposal: body.proposal, answer: body, said };
      } catch (problem) {
        if (problem instanceof Passing && attempt < TRIES) {
          await new Promise((resolve) => setTimeout(resolve, PAUSE * attempt));
          continue;
        }
        return this.#refused(entry, problem);
      }
    }
  }

  #refused(entry, problem) {
    if (problem instanceof Passing) {
      return { said: t("The server cannot be reached. Nothing was undone; try again.") };
    }
    // The round closed meanwhile, or another tab undid it: here it can never be undone.
    if (problem.kind === "round-closed") this.close();
    else this.entries = this.entries.filter((each) => each !== entry);
    return { said: problem.message, closed: problem.kind === "round-closed" };
  }
}
