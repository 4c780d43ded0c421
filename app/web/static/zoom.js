// A picture that can be looked at closely: wheel, keys, pinch, double click or tap; dragged when large.
// Beyond the pixels of the copy for screens, the original takes its place.

const STEP = 1.5;
const LEAST_REACH = 4; // small pictures are enlarged so far, beyond their pixels
const CLOSER = 2.5; // a double click
const DOUBLE = 300; // milliseconds between its clicks
const STILL = 10; // CSS pixels that a finger moves while it taps
const LINE = 20; // CSS pixels of a wheel that counts in lines

export class Zoom {
  scale = 1;
  #pane;
  #changed;
  #image = null;
  #picture = null;
  #x = 0;
  #y = 0;
  #pointers = new Map();
  #tap = { at: -Infinity, x: 0, y: 0 };
  #moved = 0;

  /**
   * @param pane the element that the picture fills; it clips what is larger
   * @param changed called after each change of the scale
   */
  constructor(pane, changed = () => {}) {
    this.#pane = pane;
    this.#changed = changed;
    pane.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    pane.addEventListener("pointerdown", (event) => this.#down(event));
    pane.addEventListener("pointermove", (event) => this.#move(event));
    pane.addEventListener("pointerup", (event) => this.#up(event));
    pane.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    pane.addEventListener("dragstart", (event) => event.preventDefault());
    new ResizeObserver(() => this.#apply()).observe(pane);
  }

  /** Show a decoded element of a picture {width, height, original_url}, whole. */
  show(image, picture) {
    this.#image = image;
    this.#picture = picture;
    this.#pointers.clear();
    this.#pane.replaceChildren(image);
    this.#pane.dataset.pixels = "screen";
    this.reset();
  }

  clear() {
    this.#image = this.#picture = null;
    this.#pane.replaceChildren();
    this.reset();
  }

  /** The picture whole again. */
  reset() {
    this.scale = 1;
    this.#x = this.#y = 0;
    this.#apply();
    this.#changed();
  }

  in() {
    this.by(STEP);
  }

  out() {
    this.by(1 / STEP);
  }

  /** Larger by a factor, around a point of the pane (its middle when not given). */
  by(factor, point = this.#middle()) {
    if (!this.#image) return;
    const scale = Math.min(this.#most(), Math.max(1, this.scale * factor));
    const ratio = scale / this.scale;
    this.#x = point.x - (point.x - this.#x) * ratio;
    this.#y = point.y - (point.y - this.#y) * ratio;
    this.scale = scale;
    this.#apply();
    this.#sharpen();
    this.#changed();
  }

  /** Move what is seen, in shares of the pane. */
  pan(right, down) {
    this.#shift(-right * this.#pane.clientWidth, -down * this.#pane.clientHeight);
  }

  #shift(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#apply();
  }

  #middle() {
    return { x: this.#pane.clientWidth / 2, y: this.#pane.clientHeight / 2 };
  }

  /** The size in CSS pixels of the whole picture in its pane. */
  #fitted() {
    const { clientWidth: across, clientHeight: down } = this.#pane;
    const { width, height } = this.#picture;
    const fit = Math.min(across / width, down / height);
    return { across, down, width: width * fit, height: height * fit };
  }

  /** Up to one pixel of the original in one of the page. */
  #most() {
    return Math.max(LEAST_REACH, this.#picture.width / this.#fitted().width);
  }

  #apply() {
    if (!this.#image) return;
    const { across, down, width, height } = this.#fitted();
    this.#x = within(this.#x, across, width, this.scale);
    this.#y = within(this.#y, down, height, this.scale);
    const whole = this.scale === 1;
    this.#image.style.transform = whole ? "" : `translate(${this.#x}px, ${this.#y}px) scale(${this.scale})`;
    this.#pane.classList.toggle("zoomed", !whole);
  }

  /** Take the original once the pixels of the shown copy no longer fill those of the screen. */
  async #sharpen() {
    const image = this.#image;
    const picture = this.#picture;
    const wanted = this.#fitted().width * this.scale * devicePixelRatio;
    if (this.#pane.dataset.pixels !== "screen" || wanted <= image.naturalWidth) return;
    if (picture.width <= image.naturalWidth) return;
    this.#pane.dataset.pixels = "loading";
    const original = new Image();
    original.alt = image.alt;
    original.src = picture.original_url;
    try {
      await original.decode();
    } catch {
      // No network, or a format that this browser does not show: the copy stays.
      if (this.#image === image) this.#pane.dataset.pixels = "copy";
      return;
    }
    if (this.#image !== image) return;
    this.#image = original;
    this.#apply();
    image.replaceWith(original);
    this.#pane.dataset.pixels = "original";
  }

  #wheel(event) {
    if (!this.#image || (this.scale === 1 && event.deltaY > 0 && !event.ctrlKey)) return; // the page scrolls
    event.preventDefault();
    // A pinch on a touchpad comes as a wheel with Ctrl, in small steps.
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    const speed = event.ctrlKey ? 0.01 : 0.002;
    const factor = Math.exp(-event.deltaY * unit * speed);
    this.by(Math.min(2, Math.max(0.5, factor)), this.#at(event));
  }

  #at({ clientX, clientY }) {
    const { left, top } = this.#pane.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  #down(event) {
    if (!this.#image || event.button !== 0) return;
    if (!this.#pointers.size) this.#moved = 0;
    this.#pointers.set(event.pointerId, this.#at(event));
    if (this.scale > 1 || this.#pointers.size > 1) this.#pane.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#at(event);
    this.#pointers.set(event.pointerId, now);
    this.#moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.#pointers.size === 1) {
      if (this.scale > 1) this.#shift(now.x - before.x, now.y - before.y);
      return;
    }
    // The finger that rests is the hinge of this step; each finger makes steps of its own.
    const [, hinge] = [...this.#pointers].find(([id]) => id !== event.pointerId);
    const middle = { x: (now.x + hinge.x) / 2, y: (now.y + hinge.y) / 2 };
    this.#shift((now.x - before.x) / 2, (now.y - before.y) / 2);
    const apart = Math.max(1, distance(before, hinge));
    this.by(distance(now, hinge) / apart, middle);
  }

  #up(event) {
    const fingers = this.#pointers.size;
    if (!this.#pointers.delete(event.pointerId) || fingers > 1 || this.#moved > STILL) {
      if (fingers > 1) this.#moved = Infinity; // the last finger of a pinch does not tap
      return;
    }
    const point = this.#at(event);
    const quick = event.timeStamp - this.#tap.at < DOUBLE;
    if (quick && distance(point, this.#tap) < 3 * STILL) {
      this.#tap = { at: -Infinity, x: 0, y: 0 };
      if (this.scale > 1) this.reset();
      else this.by(CLOSER, point);
    } else {
      this.#tap = { at: event.timeStamp, ...point };
    }
  }
}

/** Keep a side of the picture at the pane's edge or beyond it; one that is smaller stays in the middle. */
function within(offset, pane, fitted, scale) {
  const margin = ((pane - fitted) / 2) * scale;
  const size = fitted * scale;
  if (size <= pane) return (pane - pane * scale) / 2;
  return Math.min(-margin, Math.max(pane - size - margin, offset));
}

const distance = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
