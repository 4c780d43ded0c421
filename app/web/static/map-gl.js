// Points by WebGL. The shaders are compiled by the browser: no code is made out of strings, which our
// Content-Security-Policy forbids and most libraries for this do.

const VERTEX = `
attribute vec2 was, is;
attribute vec4 paint;
uniform vec2 centre, scale;
uniform float at, size;
varying vec4 colour;
void main() {
  colour = paint;
  gl_PointSize = size;
  vec2 place = (mix(was, is, at) - centre) * scale;
  gl_Position = paint.a > 0.0 ? vec4(place, 0.9 - 0.8 * paint.a, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
}`;
const FRAGMENT = `
precision mediump float;
varying vec4 colour;
void main() {
  float far = distance(gl_PointCoord, vec2(0.5));
  if (far > 0.5) discard;
  float alpha = colour.a * smoothstep(0.5, 0.38, far);
  gl_FragColor = vec4(colour.rgb * alpha, alpha);
}`;

export class GlPainter {
  #gl;
  #program;
  #uniforms;
  #buffers;
  #size = 0;
  #thin = 0;

  /** Throws where the browser has no WebGL. */
  constructor(canvas) {
    const gl = canvas.getContext("webgl", { antialias: false, depth: true });
    if (!gl) throw new Error("no WebGL");
    this.#gl = gl;
    this.#program = link(gl, compile(gl, gl.VERTEX_SHADER, VERTEX), compile(gl, gl.FRAGMENT_SHADER, FRAGMENT));
    gl.useProgram(this.#program);
    const uniform = (name) => [name, gl.getUniformLocation(this.#program, name)];
    this.#uniforms = Object.fromEntries(["centre", "scale", "at", "size"].map(uniform));
    this.#buffers = {
      was: this.#buffer("was", 2, gl.FLOAT, 8),
      is: this.#buffer("is", 2, gl.FLOAT, 8),
      paint: this.#buffer("paint", 4, gl.UNSIGNED_BYTE, 4),
    };
    this.#step(1);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
  }

  /** Where the points come from and go to, as x, y, x, y ...: `at` of `draw` says how far they are. */
  move(was, is) {
    this.#size = is.length / 2;
    this.#fill("was", was);
    this.#fill("is", is);
  }

  /** Red, green, blue and opacity of each point. */
  colour(paint) {
    this.#fill("paint", paint);
  }

  /** `thin` of 4 draws every fourth point: they come in random order, so that it is a fair sample. */
  draw({ centre, scale, at, size, ratio, thin }) {
    const gl = this.#gl;
    this.#step(thin);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniform2fv(this.#uniforms.centre, centre);
    gl.uniform2fv(this.#uniforms.scale, scale);
    gl.uniform1f(this.#uniforms.at, at);
    gl.uniform1f(this.#uniforms.size, size * ratio);
    gl.drawArrays(gl.POINTS, 0, Math.ceil(this.#size / thin));
  }

  #buffer(name, width, type, bytes) {
    const place = this.#gl.getAttribLocation(this.#program, name);
    this.#gl.enableVertexAttribArray(place);
    return { buffer: this.#gl.createBuffer(), place, width, type, bytes };
  }

  /** Read one of so many points. */
  #step(thin) {
    if (thin === this.#thin) return;
    this.#thin = thin;
    const gl = this.#gl;
    for (const { buffer, place, width, type, bytes } of Object.values(this.#buffers)) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribPointer(place, width, type, type !== gl.FLOAT, thin * bytes, 0);
    }
  }

  #fill(name, values) {
    this.#gl.bindBuffer(this.#gl.ARRAY_BUFFER, this.#buffers[name].buffer);
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, values, this.#gl.DYNAMIC_DRAW);
  }
}

function compile(gl, kind, source) {
  const shader = gl.createShader(kind);
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

function link(gl, ...shaders) {
  const program = gl.createProgram();
  for (const shader of shaders) gl.attachShader(program, shader);
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
