// Pictures that are loaded, and the nearest of them decoded, before they are needed. The very element
// that was decoded is put on the page: a new one for the same address might be decoded again while
// somebody waits. An element that is held keeps its bytes, so that it shows without the network.

const TRIES = 3;
const PAUSE = 700;
const LANES = 3; // of the browser's six connections: an answer never queues behind pictures

export class Pictures {
  #held = new Map(); // url -> {image, loaded, decoded: promise or null, ready}
  #queue = [];
  #loading = 0;

  /** Load in this order what is not held yet; let go of everything else. */
  want(urls) {
    const wanted = new Set(urls);
    for (const url of this.#held.keys()) if (!wanted.has(url)) this.#held.delete(url);
    this.#queue = [...wanted].filter((url) => !this.#held.has(url));
    this.#fill();
  }

  /** The decoded picture, loaded at once if need be. */
  hold(url) {
    const entry = this.#entry(url);
    entry.decoded ??= entry.loaded
      .then(() => entry.image.decode())
      .then(() => {
        entry.ready = true;
        return entry.image;
      });
    entry.decoded.catch(() => this.#drop(url, entry)); // asked for again, it is tried again
    return entry.decoded;
  }

  /** The decoded picture, or null while it is on its way. */
  peek(url) {
    const entry = this.#held.get(url);
    return entry?.ready ? entry.image : null;
  }

  #entry(url) {
    let entry = this.#held.get(url);
    if (!entry) {
      entry = { image: new Image(), loaded: null, decoded: null, ready: false };
      entry.loaded = load(entry.image, url);
      entry.loaded.catch(() => this.#drop(url, entry));
      this.#held.set(url, entry);
    }
    return entry;
  }

  #drop(url, entry) {
    if (this.#held.get(url) === entry) this.#held.delete(url);
  }

  #fill() {
    while (this.#loading < LANES && this.#queue.length) {
      const url = this.#queue.shift();
      if (this.#held.has(url)) continue;
      this.#loading += 1;
      this.#entry(url)
        .loaded.catch(() => {})
        .finally(() => {
          this.#loading -= 1;
          this.#fill();
        });
    }
  }
}

async function load(image, url) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await new Promise((resolve, reject) => {
        image.onload = resolve;
        image.onerror = () => reject(new Error(`${url} does not load`));
        image.src = url;
      });
      return;
    } catch (error) {
      if (attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE * attempt));
    }
  }
}
