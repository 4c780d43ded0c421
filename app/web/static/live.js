// The newest round as the server tells it (server-sent events). The browser asks again by itself
// when a stream ends; what it gives up, this tries anew after a while.

const PATIENCE = 6000; // milliseconds without a stream until it counts as broken
const AGAIN = 30_000;

export class Live {
  broken = false;
  #url;
  #take;
  #changed;
  #source = null;
  #patience = 0;
  #retry = 0;

  /** `take` gets each round, `changed` is told whether the stream is broken. */
  constructor(url, take, changed) {
    this.#url = url;
    this.#take = take;
    this.#changed = changed;
    // A page that nobody sees keeps no stream: a browser has six connections for all its tabs.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.open()));
    // Left pages are kept as they are, and a stream would keep them from being kept.
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  open() {
    if (this.#source !== null || document.hidden) return;
    const source = new EventSource(this.#url);
    this.#source = source;
    this.#wait();
    source.addEventListener("open", () => this.#heard());
    source.addEventListener("round", ({ data }) => {
      this.#heard();
      this.#take(JSON.parse(data));
    });
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      if (source.readyState !== EventSource.CLOSED) return this.#wait();
      this.#close();
      this.#set(true);
      this.#retry = setTimeout(() => this.open(), AGAIN);
    });
  }

  #heard() {
    clearTimeout(this.#patience);
    this.#patience = 0;
    this.#set(false);
  }

  #wait() {
    this.#patience ||= setTimeout(() => this.#set(true), PATIENCE);
  }

  #set(broken) {
    if (broken === this.broken) return;
    this.broken = broken;
    this.#changed(broken);
  }

  #close() {
    clearTimeout(this.#patience);
    clearTimeout(this.#retry);
    this.#patience = 0;
    this.#source?.close();
    this.#source = null;
  }
}
