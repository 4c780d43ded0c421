// The points of a map: where they are in each view, and what they are.

import { Passing, call } from "./api.js";

export const NO_CATEGORY = 65_535;
export const NO_CONFIDENCE = 255;
export const TRAINING = 0;
export const ACCEPTED = 1;
export const REJECTED = 2;
export const OPEN = 3;
export const OTHER = 4;

const ARRAYS = { "<f4": Float32Array, "<u4": Uint32Array, "<u2": Uint16Array, "<u1": Uint8Array };
const HASH = 32; // bytes
const ANSWER = 7; // bytes: an index (4), a category (2), a kind (1)

export class MapData {
  #imagesPath;
  #hashes = null;

  /** @param facts what REST tells of the map @param points its columns @param answers what came since */
  constructor(facts, points, answers) {
    this.size = facts.points;
    this.names = new Map(facts.categories.map(({ index, name }) => [index, name]));
    this.#imagesPath = facts.images_path;
    for (const { name, type, width, start } of facts.columns) {
      this[name] = new ARRAYS[type](points, start, this.size * width);
    }
    this.views = { pca: this.pca, neighbours: this.neighbours };
    this.#take(answers);
  }

  static async load(path) {
    const { body } = await call("GET", path);
    const [points, answers] = await Promise.all([bytesOf(body.points_path), bytesOf(body.answers_path)]);
    return new MapData(body, points, answers);
  }

  /** The content hash of a point's picture; all of them are loaded when the first is wanted. */
  async hash(index) {
    this.#hashes ??= bytesOf(this.#imagesPath);
    try {
      const hashes = new Uint8Array(await this.#hashes, index * HASH, HASH);
      return Array.from(hashes, (each) => each.toString(16).padStart(2, "0")).join("");
    } catch (error) {
      this.#hashes = null; // the next one who asks tries again
      throw error;
    }
  }

  #take(answers) {
    const many = answers.byteLength / ANSWER;
    const indices = new Uint32Array(answers, 0, many);
    const categories = new Uint16Array(answers, 4 * many, many);
    const kinds = new Uint8Array(answers, 6 * many, many);
    indices.forEach((index, place) => {
      this.category[index] = categories[place];
      this.kind[index] = kinds[place];
    });
  }
}

async function bytesOf(path) {
  try {
    const response = await fetch(path);
    if (response.ok) return await response.arrayBuffer();
    throw new Passing(`status ${response.status}`);
  } catch (error) {
    throw error instanceof Passing ? error : new Passing(String(error));
  }
}
