// How the day goes: today's count, the pace, the known answers where the lead shows them; and a word
// about a break after a long stretch.

import { t, tn } from "./words.js";

const PAUSE = 5 * 60_000; // who does nothing for so long has had a break
const SEEN = 4000; // a reminder stays at least this long: the next answer comes within a second
const FRESH = 60_000; // between two questions to the server

export class Session {
  #ask;
  #minutes;
  #on;
  #numbers = null;
  #since = 0; // answers since the server counted
  #askedAt = -Infinity;
  #began = null;
  #last = null;
  #remindedAt = null;

  /**
   * @param ask (since as ISO) => promise of the server's count
   * @param minutes of continuous work before a reminder; 0 is never
   * @param on {numbers([text, ...]), remind(text), forget()}
   */
  constructor(ask, minutes, on) {
    this.#ask = ask;
    this.#minutes = minutes;
    this.#on = on;
  }

  /** An answer was given (by = 1) or taken back (-1). */
  counted(by) {
    this.#since += by;
    this.#show();
    if (Date.now() - this.#askedAt > FRESH) this.refresh();
  }

  async refresh() {
    this.#askedAt = Date.now();
    const before = this.#since;
    try {
      this.#numbers = (await this.#ask(midnight().toISOString())).body;
      this.#since -= before;
    } catch {
      return; // the old numbers stay
    }
    this.#show();
  }

  /** Somebody is at work, now. Called for each key and each touch; it takes nothing from them. */
  active() {
    const now = Date.now();
    if (this.#began === null || now - this.#last > PAUSE) this.#began = now;
    this.#last = now;
    if (this.#remindedAt !== null) {
      if (now - this.#remindedAt < SEEN) return;
      this.#remindedAt = null;
      this.#on.forget();
    }
    const minutes = Math.floor((now - this.#began) / 60_000);
    if (!this.#minutes || minutes < this.#minutes) return;
    this.#began = now;
    this.#remindedAt = now;
    this.#on.remind(tn("One minute without a pause: look out of the window for a moment.", "{n} minutes without a pause: look out of the window for a moment.", minutes));
  }

  #show() {
    if (!this.#numbers) return;
    const { today, last_hour: hour, seconds_per_decision: pace, gold } = this.#numbers;
    const count = Math.max(0, today + this.#since);
    const texts = [tn("One answer today", "{n} answers today", count)];
    if (hour) texts.push(tn("one in the last hour", "{n} in the last hour", Math.max(0, hour + this.#since)));
    if (pace !== null) texts.push(t("{seconds} s each", { seconds: pace.toFixed(1) }));
    if (gold?.answered) texts.push(t("{right} of {answered} known ones right", gold));
    this.#on.numbers(texts);
  }
}

function midnight() {
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  return day;
}
