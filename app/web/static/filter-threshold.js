// The threshold: what moving it does is told before it is saved, and shown in pictures around it.

import { Passing, call } from "./api.js";
import { count, t, tn } from "./words.js";

const SHOWN = 12; // on each side
const PAUSE = 250; // milliseconds that the threshold rests before pictures are asked for
const HIGH = 32; // of the drawing
const SVG = "http://www.w3.org/2000/svg";

const at = (id) => document.getElementById(id);
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
const language = document.documentElement.lang;
const decimal = (value, places) =>
  value.toLocaleString(language, { numberingSystem: "latn", minimumFractionDigits: places, maximumFractionDigits: places });
const percent = (share) => `${decimal(100 * share, 1)} %`;

/** Gives {look}: ask for the scores anew. */
export function wireThreshold(address, refresh) {
  const range = at("threshold");
  const refusal = at("threshold-refusal");
  let scores = null;
  let seed = 0;
  let timer = 0;
  let turn = 0;

  const chosen = () => Number(range.value);
  const saved = () => Number(range.dataset.saved);
  const say = (error) => (error instanceof Passing ? t("The server did not answer. Try again.") : error.message);

  async function look() {
    try {
      ({ body: scores } = await call("GET", `${address}/filter`));
    } catch (error) {
      refusal.textContent = say(error);
      refusal.hidden = false;
      return;
    }
    refusal.hidden = true;
    range.disabled = false;
    at("others").disabled = false;
    draw();
    show();
    around();
  }

  // --- The scores

  function draw() {
    const most = Math.sqrt(Math.max(1, ...scores.bins));
    const bars = scores.bins.map((number, bin) => {
      const bar = document.createElementNS(SVG, "rect");
      // What is rare stays seen beside what is common: the area is no measure, the numbers below are.
      const height = number ? Math.max(0.75, (HIGH * Math.sqrt(number)) / most) : 0;
      for (const [name, value] of Object.entries({ x: bin + 0.08, y: HIGH - height, width: 0.84, height })) {
        bar.setAttribute(name, value);
      }
      return bar;
    });
    const edge = document.createElementNS(SVG, "line");
    edge.setAttribute("class", "edge");
    edge.setAttribute("y2", HIGH);
    at("histogram").replaceChildren(...bars, edge);
  }

  function show() {
    const edge = chosen();
    const filtered = sum(scores.bins.slice(0, edge));
    const before = sum(scores.bins.slice(0, saved()));
    const kept = sum(scores.bins) - filtered + scores.unscored;
    at("chosen").textContent = decimal(edge / 100, 2);
    at("moved").textContent =
      edge === saved() ? t("as it is saved") : t("not saved; {threshold} is", { threshold: decimal(saved() / 100, 2) });
    at("kept").textContent = count(kept);
    at("filtered").textContent = count(filtered);
    const come = Math.max(before - filtered, 0);
    const go = Math.max(filtered - before, 0);
    at("come").textContent = come ? tn("{n} comes back", "{n} come back", come) : "";
    at("go").textContent = go ? tn("{n} more", "{n} more", go) : "";
    at("effect").textContent = [
      t("At {threshold} {kept} pass, {filtered} are filtered.", {
        threshold: decimal(edge / 100, 2),
        kept: count(kept),
        filtered: count(filtered),
      }),
      at("come").textContent,
      at("go").textContent,
    ].join(" ");
    range.setAttribute("aria-valuetext", decimal(edge / 100, 2));
    const { positive_bins: inside, negative_bins: outside } = scores.filter;
    const passing = [inside, outside].map((bins) => percent(sum(bins.slice(edge)) / sum(bins)));
    at("validated").textContent = passing.join(" · ");
    at("unsettled").hidden = !scores.unscored && !scores.stale;
    at("unsettled").textContent = [
      scores.unscored && tn("{n} candidate has no score yet and passes.", "{n} candidates have no score yet and pass.", scores.unscored),
      scores.stale && tn("{n} candidate was scored by an older filter.", "{n} candidates were scored by an older filter.", scores.stale),
    ]
      .filter(Boolean)
      .join(" ");
    for (const id of ["save", "back"]) at(id).disabled = edge === saved();
    at("no-filter").disabled = saved() === 0;
    const drawing = at("histogram");
    for (const [bin, bar] of [...drawing.querySelectorAll("rect")].entries()) bar.setAttribute("class", bin < edge ? "out" : "pass");
    for (const name of ["x1", "x2"]) drawing.querySelector("line").setAttribute(name, edge);
  }

  range.addEventListener("input", () => {
    at("saved").textContent = "";
    show();
    clearTimeout(timer);
    timer = setTimeout(around, PAUSE);
  });

  at("back").addEventListener("click", () => {
    range.value = range.dataset.saved;
    show();
    around();
    range.focus();
  });

  async function save() {
    for (const id of ["save", "no-filter"]) at(id).disabled = true;
    refusal.hidden = true;
    const threshold = chosen() / 100;
    try {
      await call("PUT", `${address}/filter/threshold`, { body: { threshold } });
      range.dataset.saved = String(Math.round(threshold * 100));
      range.focus(); // the button has nothing more to do
      show();
      at("saved").textContent = t("Saved.");
      refresh().catch(() => {});
    } catch (error) {
      refusal.textContent = say(error);
      refusal.hidden = false;
      show();
    }
  }

  at("save").addEventListener("click", save);

  // At 0 everything passes, with what was not scored: as without a filter.
  at("no-filter").addEventListener("click", () => {
    range.value = 0;
    show();
    around();
    save();
  });

  // --- Pictures around it

  async function around() {
    turn += 1;
    const mine = turn;
    const query = new URLSearchParams({ threshold: chosen() / 100, seed, limit: SHOWN });
    try {
      const { body } = await call("GET", `${address}/filter/around?${query}`);
      if (mine !== turn) return; // overtaken
      for (const side of ["above", "below"]) {
        at(side).replaceChildren(...body[side].map(item));
        at(`no-${side}`).hidden = body[side].length > 0;
      }
      at("around-refusal").hidden = true;
    } catch (error) {
      at("around-refusal").textContent = say(error);
      at("around-refusal").hidden = false;
    }
  }

  function item({ sha256, thumbnail_url: small, screen_url: large, score }) {
    const picture = new Image(128, 128);
    picture.src = small;
    picture.alt = t("Candidate with a score of {score}", { score: decimal(score, 3) });
    const link = document.createElement("a");
    link.href = large;
    link.target = "_blank";
    link.append(picture);
    const shown = document.createElement("span");
    shown.className = "score";
    shown.dir = "ltr";
    shown.textContent = decimal(score, 3);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.dataset.mark = sha256;
    button.textContent = t("Out of domain");
    const made = document.createElement("li");
    made.append(link, shown, button);
    return made;
  }

  at("others").addEventListener("click", () => {
    seed += 1;
    around();
  });

  for (const side of ["above", "below"]) {
    at(side).addEventListener("click", async ({ target }) => {
      const button = target.closest("[data-mark]");
      if (!button) return;
      button.disabled = true;
      at("around-refusal").hidden = true;
      try {
        await call("POST", `${address}/negatives/marked`, { body: { sha256: button.dataset.mark } });
      } catch (error) {
        at("around-refusal").textContent = say(error);
        at("around-refusal").hidden = false;
        button.disabled = false;
        return;
      }
      const next = button.closest("li").nextElementSibling ?? button.closest("li").previousElementSibling;
      button.closest("li").remove();
      (next?.querySelector("button") ?? at("others")).focus();
      at("marked").textContent = t("It is a negative now. Train again, so that the filter learns from it.");
      await refresh().catch(() => {});
      ({ body: scores } = await call("GET", `${address}/filter`).catch(() => ({ body: scores })));
      draw();
      show();
    });
  }

  return { look };
}
