// The plane on the screen: which part of it is seen, and the drawing of it.

import { FlatPainter } from "./map-flat.js";
import { GlPainter } from "./map-gl.js";

const CLOSEST = 400;
const MARGIN = 0.94; // of the shorter side, for the whole of the map
const SLOW = 40; // milliseconds for a frame: then only a part of the points is drawn while they move
const THINNEST = 8;
const REST = 180; // milliseconds after the last movement
const GLIDE = 350; // milliseconds from one view to the other

export class View {
  #canvas;
  #painter;
  #centre = [0, 0];
  #zoom = 1;
  #points = 0;
  #at = 1;
  #frame = 0;
  #thin = 1;
  #drawnAt = 0;
  #slow = 0;
  #resting = 0;
  #places = null;
  #paint = null;

  /** `changed` is called when another part is seen. */
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.changed = changed;
    this.#start();
    new ResizeObserver(() => this.#resize()).observe(canvas);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.#start());
  }

  get flat() {
    return this.#painter instanceof FlatPainter;
  }

  #start() {
    try {
      this.#painter = new GlPainter(this.#canvas);
    } catch {
      this.#painter = new FlatPainter(this.#canvas);
    }
    if (this.#places) this.#painter.move(this.#places, this.#places);
    if (this.#paint) this.#painter.colour(this.#paint);
    this.#resize();
  }

  /** Where the points are: x, y, x, y ... They glide there from where they were. */
  move(places) {
    const was = this.#places ?? places;
    this.#places = places;
    this.#points = places.length / 2;
    this.#painter.move(was, places);
    const still = was === places || matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still) return this.#settle();
    const began = performance.now();
    const step = (now) => {
      if (this.#places !== places) return;
      const part = Math.min((now - began) / GLIDE, 1);
      this.#at = 1 - (1 - part) ** 3;
      this.#moved();
      if (part < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  #settle() {
    this.#at = 1;
    this.redraw();
  }

  colour(paint) {
    this.#paint = paint;
    this.#painter.colour(paint);
    this.redraw();
  }

  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    this.#canvas.width = Math.max(Math.round(width * devicePixelRatio), 1);
    this.#canvas.height = Math.max(Math.round(height * devicePixelRatio), 1);
    this.redraw();
    this.changed();
  }

  /** Pixels of the page to a unit of the plane. */
  get scale() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    return (this.#zoom * MARGIN * Math.min(width, height)) / 2;
  }

  /** The place in the plane under a pixel of the canvas. */
  place([x, y]) {
    const { width, height } = this.#canvas.getBoundingClientRect();
    return [this.#centre[0] + (x - width / 2) / this.scale, this.#centre[1] - (y - height / 2) / this.scale];
  }

  /** The pixel of the canvas over a place in the plane. */
  pixel([x, y]) {
    const { width, height } = this.#canvas.getBoundingClientRect();
    return [width / 2 + (x - this.#centre[0]) * this.scale, height / 2 - (y - this.#centre[1]) * this.scale];
  }

  pan([across, down]) {
    this.#look([this.#centre[0] - across / this.scale, this.#centre[1] + down / this.scale], this.#zoom);
  }

  /** Closer by a factor; the place under `pixel` (the middle without) stays there. */
  zoom(factor, pixel) {
    const zoom = Math.min(Math.max(this.#zoom * factor, 0.5), CLOSEST);
    if (!pixel) return this.#look(this.#centre, zoom);
    const [x, y] = this.place(pixel);
    const kept = this.#zoom / zoom;
    this.#look([x - (x - this.#centre[0]) * kept, y - (y - this.#centre[1]) * kept], zoom);
  }

  reset() {
    this.#look([0, 0], 1);
  }

  #look([x, y], zoom) {
    const within = (value) => Math.min(Math.max(value, -1.1), 1.1);
    this.#centre = [within(x), within(y)];
    this.#zoom = zoom;
    this.#moved();
    this.changed();
  }

  /** How large a point is, in pixels: smaller where there are many, larger from close by. */
  get pointSize() {
    const alone = Math.min(Math.max(30 / Math.max(this.#points, 1) ** 0.2, 2.5), 11);
    return alone * Math.min(Math.max(this.#zoom, 1) ** 0.3, 4);
  }

  /** Draw again, and all points once the movement is over. */
  #moved() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      this.#resting = 0;
      this.redraw();
    }, REST);
    this.redraw();
  }

  /** How many points stand for one while they move: more, when frames take long one after the other. */
  #thinner(now) {
    const took = now - this.#drawnAt;
    this.#drawnAt = now;
    if (!this.#resting) return 1;
    this.#slow = took > SLOW && took < 10 * SLOW ? this.#slow + 1 : 0;
    if (this.#slow < 3 || this.#thin === THINNEST) return this.#thin;
    this.#slow = 0;
    this.#thin *= 2;
    return this.#thin;
  }

  redraw() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      if (!this.#places || !this.#paint) return;
      const { width, height } = this.#canvas.getBoundingClientRect();
      if (!width || !height) return;
      const scale = [(2 * this.scale) / width, (2 * this.scale) / height];
      const thin = this.#thinner(now);
      const ratio = devicePixelRatio;
      this.#painter.draw({ centre: this.#centre, scale, at: this.#at, size: this.pointSize, ratio, thin });
    });
  }
}
