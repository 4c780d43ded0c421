// Mouse, fingers and keys on the map.

const STEP = 60; // pixels that an arrow key moves
const CLICK = 4; // pixels that a click may slip
const BY_KEY = 1.4;

export class Hands {
  lasso = false;
  #stage;
  #canvas;
  #rope;
  #view;
  #told;
  #fingers = new Map();
  #line = null;
  #slipped = 0;

  /** `told` has hover(pixel or null), click(pixel, event), rope(pixels), key(name). */
  constructor(stage, canvas, view, told) {
    this.#stage = stage;
    this.#canvas = canvas;
    this.#rope = stage.querySelector("polygon");
    this.#view = view;
    this.#told = told;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    canvas.addEventListener("pointerleave", () => told.hover(null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #pixel({ clientX, clientY }) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const pixel = this.#pixel(event);
    this.#fingers.set(event.pointerId, pixel);
    this.#slipped = this.#fingers.size > 1 ? Infinity : 0;
    // A second finger pinches, whatever the first one had begun.
    this.#tie(this.#fingers.size === 1 && (this.lasso || event.shiftKey) ? [pixel] : null);
    this.#stage.classList.toggle("moving", !this.#line);
  }

  #move(event) {
    const pixel = this.#pixel(event);
    const before = this.#fingers.get(event.pointerId);
    if (!before) return this.#told.hover(pixel);
    const by = [pixel[0] - before[0], pixel[1] - before[1]];
    this.#slipped += Math.hypot(...by);
    if (this.#fingers.size > 1) {
      this.#pinch(event.pointerId, before, pixel);
    } else if (this.#line) {
      this.#tie([...this.#line, pixel]);
    } else if (this.#slipped > CLICK) {
      this.#told.hover(null);
      this.#view.pan(by);
    }
    this.#fingers.set(event.pointerId, pixel);
  }

  #pinch(id, before, now) {
    const [, other] = [...this.#fingers].find(([each]) => each !== id);
    const apart = (pixel) => Math.max(Math.hypot(pixel[0] - other[0], pixel[1] - other[1]), 1);
    this.#view.zoom(apart(now) / apart(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    this.#view.pan([(now[0] - before[0]) / 2, (now[1] - before[1]) / 2]);
  }

  #up(event) {
    const line = this.#line;
    const clicked = this.#fingers.has(event.pointerId) && this.#slipped <= CLICK;
    this.#cancel(event);
    if (clicked) this.#told.click(this.#pixel(event), event);
    else if (line?.length > 2) this.#told.rope(line);
  }

  #cancel(event) {
    this.#fingers.delete(event.pointerId);
    this.#tie(null);
    this.#stage.classList.remove("moving");
  }

  #tie(line) {
    this.#line = line;
    this.#rope.setAttribute("points", (line ?? []).map((pixel) => pixel.join(",")).join(" "));
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.#view.zoom(Math.exp(-Math.max(Math.min(event.deltaY * lines, 240), -240) / 300), this.#pixel(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => this.#view.pan([STEP, 0]),
      ArrowRight: () => this.#view.pan([-STEP, 0]),
      ArrowUp: () => this.#view.pan([0, STEP]),
      ArrowDown: () => this.#view.pan([0, -STEP]),
      "+": () => this.#view.zoom(BY_KEY),
      "=": () => this.#view.zoom(BY_KEY),
      "-": () => this.#view.zoom(1 / BY_KEY),
      0: () => this.#view.reset(),
      s: () => this.#told.key("select"),
      Escape: () => this.#told.key("none"),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}
