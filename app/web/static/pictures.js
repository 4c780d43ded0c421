// Pictures that are loaded and decoded before they are needed. The very element that was decoded
// is put on the page: a new one for the same address might be decoded again while somebody waits.

const TRIES = 3;
const PAUSE = 700;

export class Pictures {
  #held = new Map();

  /** Begin to load, if that has not begun. */
  hold(url) {
    let entry = this.#held.get(url);
    if (!entry) {
      entry = { image: null };
      entry.ready = load(url).then((image) => {
        entry.image = image;
        return image;
      });
      entry.ready.catch(() => this.#held.delete(url)); // asked for again, it is tried again
      this.#held.set(url, entry);
    }
    return entry.ready;
  }

  /** The decoded picture, or null while it is on its way. */
  peek(url) {
    return this.#held.get(url)?.image ?? null;
  }

  /** Let go of all others: decoded pictures are large. */
  keepOnly(urls) {
    const kept = new Set(urls);
    for (const url of this.#held.keys()) if (!kept.has(url)) this.#held.delete(url);
  }
}

async function load(url) {
  for (let attempt = 1; ; attempt += 1) {
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
      return image;
    } catch (error) {
      if (attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE * attempt));
    }
  }
}
