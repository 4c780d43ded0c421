// Decisions that the server has not confirmed. Each is an item of localStorage of its own, written
// before it is sent and removed after the answer: tabs share the storage and must not overwrite
// one another's lists.

export class Unsent {
  #storage;
  #prefix;

  constructor(storage, user, project) {
    this.#storage = storage;
    this.#prefix = `vetted:unsent:${user}:${project}:`;
  }

  /** What earlier pages of this user left, the oldest first. */
  load() {
    const found = [];
    try {
      for (let index = 0; index < this.#storage.length; index += 1) {
        const name = this.#storage.key(index);
        if (name.startsWith(this.#prefix)) found.push(parse(this.#storage.getItem(name)));
      }
    } catch {
      // Storage is switched off: nothing was left.
    }
    return found.filter(Boolean).sort((a, b) => a.at - b.at || a.order - b.order);
  }

  /** False when the browser refuses: the decision then lives in this page only. */
  save(decision) {
    try {
      this.#storage.setItem(this.#prefix + decision.key, JSON.stringify(decision));
      return true;
    } catch {
      return false;
    }
  }

  forget(decision) {
    try {
      this.#storage.removeItem(this.#prefix + decision.key);
    } catch {
      // It could not be saved either.
    }
  }
}

function parse(text) {
  try {
    const decision = JSON.parse(text);
    return typeof decision?.key === "string" && Number.isInteger(decision.proposal) ? decision : null;
  } catch {
    return null;
  }
}
