// Which points are near a place, or inside a line: by an index for each view, made when it is first used.

import KDBush from "./vendor/kdbush.js";

export class Search {
  #indices = new Map();

  /** The nearest of the points that `may`, at most so far from the place; null where there is none. */
  nearest(places, [x, y], far, may) {
    let found = null;
    let least = Infinity;
    for (const index of this.#of(places).within(x, y, far)) {
      if (!may(index)) continue;
      const distance = (places[2 * index] - x) ** 2 + (places[2 * index + 1] - y) ** 2;
      if (distance > least || (distance === least && index < found)) continue;
      [found, least] = [index, distance];
    }
    return found;
  }

  /** The points that `may`, inside a closed line of places [[x, y], ...]. */
  inside(places, line, may) {
    const across = line.map(([x]) => x);
    const up = line.map(([, y]) => y);
    const box = [Math.min(...across), Math.min(...up), Math.max(...across), Math.max(...up)];
    const near = this.#of(places).range(...box);
    return near.filter((index) => may(index) && encloses(line, places[2 * index], places[2 * index + 1]));
  }

  #of(places) {
    if (!this.#indices.has(places)) {
      const made = new KDBush(places.length / 2, 64, Float32Array);
      for (let index = 0; index < places.length; index += 2) made.add(places[index], places[index + 1]);
      this.#indices.set(places, made.finish());
    }
    return this.#indices.get(places);
  }
}

/** Whether a ray from the place crosses the line an odd number of times. */
function encloses(line, x, y) {
  let inside = false;
  let [beforeX, beforeY] = line.at(-1);
  for (const [hereX, hereY] of line) {
    const crosses = hereY > y !== beforeY > y;
    if (crosses && x < ((beforeX - hereX) * (y - hereY)) / (beforeY - hereY) + hereX) inside = !inside;
    [beforeX, beforeY] = [hereX, hereY];
  }
  return inside;
}
