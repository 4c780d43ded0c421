// There is nothing to answer: why, and what will happen.

import { Passing } from "./api.js";
import { setText } from "./bar.js";
import { t, tn } from "./words.js";

const at = (id) => document.getElementById(id);

export const undoButton = at("rest-undo");

export function hide() {
  at("rest").hidden = true;
}

/** `link` is {href, text}. */
export function show({ title, text = "", link = null, busy = false, undo = false }) {
  at("rest").hidden = false;
  setText(at("rest-title"), title);
  setText(at("rest-text"), text);
  at("rest-spinner").hidden = !busy;
  undoButton.hidden = !undo;
  at("rest-link").hidden = !link;
  if (link) {
    at("rest-link").href = link.href;
    at("rest-link").textContent = link.text;
  }
}

/** Nothing can be sent before the person does something: "signed-out" or "stale". */
export function showBlocked(state, waiting, here) {
  const waits = tn("One answer waits in this browser and will be sent.", "{n} answers wait in this browser and will be sent.", waiting);
  const kept = waiting ? ` ${waits}` : "";
  if (state === "signed-out") {
    show({
      title: t("You are signed out"),
      text: t("Sign in again to go on.") + kept,
      link: { href: `/sign-in?next=${encodeURIComponent(here)}`, text: t("Sign in") },
    });
  } else {
    show({
      title: t("Please reload this page"),
      text: t("You signed in anew in another tab, or your role changed.") + kept,
      link: { href: here, text: t("Reload") },
    });
  }
}

export function showTrouble(trouble) {
  if (trouble instanceof Passing) {
    show({
      title: t("No connection"),
      text: t("Your answers are safe in this browser. The page goes on by itself when the server answers."),
      busy: true,
    });
  } else {
    show({ title: t("This did not work"), text: trouble.message });
  }
}

export function showFinished({ decided, total, others = 0 }, undo) {
  const left = total - decided;
  const busy = left > others;
  show({
    title: left ? t("No open proposals for you now") : tn("The only one is decided", "All {n} are decided", total),
    text: !left
      ? t("Thank you. The lead can close the round now; the next one appears here by itself.")
      : busy
        ? tn("Others are answering the last one. If it comes back, it appears here.", "Others are answering the last {n}. If one comes back, it appears here.", left)
        : tn("The last one waits for somebody else.", "The last {n} wait for somebody else.", left),
    undo,
  });
}

const MACHINE = {
  embedding: () => t("The machine is reading new pictures"),
  training: () => t("The model is training"),
  scoring: () => t("The model is scoring the pool"),
};

/** Between rounds; `newest` is the newest round, or null. */
export function showBetween(newest) {
  const working = MACHINE[newest?.state]?.();
  show({
    title: working ?? t("Between rounds"),
    text: working
      ? t("Round {number} is on its way. Its pictures appear here by themselves.", { number: newest.number })
      : t("The lead has not started the next round. Its pictures will appear here by themselves."),
    busy: Boolean(working),
  });
}
