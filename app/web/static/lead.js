// The lead page. The server renders every number and tells when the newest round has changed; this
// script then asks for the page again and puts the parts marked data-live in place of the old ones.

import { Passing, call } from "./api.js";
import { wire } from "./dialogs.js";
import { refresh as refreshParts } from "./fresh.js";
import { Live } from "./live.js";
import { wirePeople } from "./people.js";
import { wireProject, wireSettings } from "./settings.js";
import { count, t } from "./words.js";

const BUSY = 1000;
const QUIET = 5000;

const { project } = document.getElementById("lead").dataset;
const rounds = `/api/v1/projects/${encodeURIComponent(project)}/rounds`;
const refusal = document.getElementById("refusal");

let seen = null;
let newest = null;
let timer = 0;
let turn = 0;

// --- Watching

const WORKING = ["embedding", "training", "scoring", "labeling"];
const asking = document.getElementById("asking");
const live = new Live(`/projects/${encodeURIComponent(project)}/rounds/live`, take, (broken) => {
  asking.hidden = !broken;
  clearTimeout(timer);
  if (broken) watch();
});

/** Asks now and then, while the stream is broken. */
async function watch() {
  clearTimeout(timer);
  turn += 1; // an answer that is still on its way to an earlier watch starts no second loop
  const mine = turn;
  let working = false;
  if (!document.hidden) {
    try {
      working = await look();
    } catch (error) {
      if (error.status === 401) return location.reload();
    }
  }
  if (mine === turn && live.broken) timer = setTimeout(watch, working ? BUSY : QUIET);
}

/** True while a round is open. */
async function look() {
  const number = document.getElementById("current")?.dataset.number;
  const { body } = await call("GET", number ? `${rounds}/${number}` : rounds);
  const round = (number ? body : body[0]) ?? null;
  take(round);
  return round !== null && WORKING.includes(round.state);
}

/** The newest round as it is now; null before the first. */
function take(round) {
  const signature = round ? signatureOf(round) : "";
  const changed = seen === null ? !isShown(round) : signature !== seen;
  seen = signature;
  newest = round;
  if (round) showWork(round);
  if (changed) refreshSoon();
}

/** Whether the page, which is a little older than the first answer, says the same. */
function isShown(round) {
  const current = document.getElementById("current");
  if (!round || !WORKING.includes(round.state)) return current === null;
  const { number, state, decided } = current?.dataset ?? {};
  const answers = round.yes + round.no + round.unsure;
  return number === String(round.number) && state === round.state && decided === String(answers);
}

let refreshing = false;
let again = false;

/** One refresh at a time, and one more after it if something changed meanwhile. */
async function refreshSoon() {
  again = true;
  if (refreshing) return;
  refreshing = true;
  while (again) {
    again = false;
    await refresh().catch(() => {});
    if (newest) showWork(newest);
    await new Promise((done) => setTimeout(done, BUSY));
  }
  refreshing = false;
}

function signatureOf({ number, state, yes, no, unsure, proposals, jobs }) {
  return JSON.stringify([number, state, yes, no, unsure, proposals, jobs.map((job) => job.state)]);
}

const refresh = () => refreshParts(replace);

function replace(old, part) {
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.opens : null;
  old.replaceChildren(...part.childNodes);
  if (focused) old.querySelector(`[data-opens="${focused}"]`)?.focus();
}

// --- The step at work

const WORK = {
  embed_pool: { verb: t("Reading pictures"), of: (done) => t("{step} of {steps} pictures", done) },
  train_round: { verb: t("Training"), of: (done) => t("{step} of {steps} steps", done) },
  score_pool: { verb: t("Scoring"), of: (done) => t("{step} of {steps} candidates", done) },
};

function showWork(round) {
  const bar = document.getElementById("work-bar");
  if (!bar) return;
  const job = round.jobs.find(({ kind, state }) => kind in WORK && ["running", "queued"].includes(state));
  const text = document.getElementById("work-text");
  if (job?.steps) {
    bar.max = job.steps;
    bar.value = job.step;
  } else {
    bar.removeAttribute("value");
  }
  text.textContent = job ? describe(job) : t("Waiting for a worker …");
}

function describe(job) {
  const { verb, of } = WORK[job.kind];
  if (job.state === "queued") return t("{verb}: waiting for a worker …", { verb });
  if (job.worker_alive === false) {
    return t("{verb}: the worker does not answer. Another one takes over soon.", { verb });
  }
  const parts = [job.steps ? `${verb}: ${of({ step: count(job.step), steps: count(job.steps) })}` : `${verb} …`];
  if (job.rate) parts.push(t("{rate} a second", { rate: perSecond(job.rate) }));
  if (job.seconds_left !== null && job.steps) parts.push(t("{time} left", { time: duration(job.seconds_left) }));
  if (job.attempt > 1) parts.push(t("attempt {number}", { number: job.attempt }));
  return parts.join(" · ");
}

const perSecond = (rate) =>
  rate < 10 ? rate.toLocaleString(document.documentElement.lang, { numberingSystem: "latn", maximumFractionDigits: 1 }) : count(Math.round(rate));

function duration(seconds) {
  const whole = Math.ceil(seconds);
  if (whole < 60) return t("{s} s", { s: whole });
  return whole < 3600
    ? t("{min} min {s} s", { min: Math.floor(whole / 60), s: whole % 60 })
    : t("{h} h {min} min", { h: Math.floor(whole / 3600), min: Math.floor((whole % 3600) / 60) });
}

// --- Acting

async function act(button, path) {
  refusal.hidden = true;
  button.disabled = true;
  try {
    await call("POST", path);
    await refresh();
  } catch (error) {
    refusal.textContent =
      error instanceof Passing ? t("The server did not answer. Look at the state below, then try again.") : error.message;
    refusal.hidden = false;
    await refresh().catch(() => {});
  } finally {
    button.disabled = false;
    if (live.broken) watch();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "start") act(button, rounds);
  if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
  if (button.dataset.ends) {
    const { number } = document.getElementById("current")?.dataset ?? {};
    button.closest("dialog").close();
    if (number) act(button, `${rounds}/${number}/${button.dataset.ends}`);
  }
});
for (const dialog of document.querySelectorAll("dialog")) wire(dialog);
wireSettings(document.getElementById("settings"), project);
wireProject(document.getElementById("project"), project);
wirePeople(document.getElementById("people"), project, refresh);
live.open();
