// Points on a plain canvas, for browsers without WebGL: the same, slower.

const FULL = 255;

export class FlatPainter {
  #canvas;
  #context;
  #was;
  #is;
  #paint;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  move(was, is) {
    this.#was = was;
    this.#is = is;
  }

  colour(paint) {
    this.#paint = paint;
  }

  draw({ centre, scale, at, size, ratio, thin }) {
    const { width, height } = this.#canvas;
    const context = this.#context;
    const side = size * ratio * 0.85;
    const [across, up] = [(scale[0] * width) / 2, (scale[1] * height) / 2];
    const place = (index) => this.#was[index] + (this.#is[index] - this.#was[index]) * at;
    context.clearRect(0, 0, width, height);
    // What stands out is drawn over the rest.
    for (const front of [false, true]) {
      for (let index = 0; index < this.#paint.length / 4; index += thin) {
        const opacity = this.#paint[4 * index + 3];
        if (opacity === 0 || (opacity === FULL) !== front) continue;
        const x = width / 2 + (place(2 * index) - centre[0]) * across;
        const y = height / 2 - (place(2 * index + 1) - centre[1]) * up;
        if (x < -side || y < -side || x > width + side || y > height + side) continue;
        const [red, green, blue] = this.#paint.subarray(4 * index, 4 * index + 3);
        context.fillStyle = `rgb(${red} ${green} ${blue} / ${opacity / FULL})`;
        context.fillRect(x - side / 2, y - side / 2, side, side);
      }
    }
  }
}
