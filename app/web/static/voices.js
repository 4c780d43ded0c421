// Why a question waits for a lead, and what was said to it before.

import { t } from "./words.js";

const at = (id) => document.getElementById(id);

const ANSWERS = { yes: () => t("Yes"), no: () => t("No"), unsure: () => t("Unsure") };
const REASONS = {
  "unknown-species": () => t("A species that is not in the list"),
  "not-in-domain": () => t("Not in this field at all"),
  "bad-picture": () => t("A bad picture: nobody can tell"),
};

function reasonOf({ earlier, said, round }) {
  if (earlier === "yes") {
    return t("It was accepted before, and a new answer contradicts. With your no it leaves the dataset and becomes a hard negative.");
  }
  if (earlier === "no") {
    return t("It was refused before, and a new answer contradicts. With your yes it becomes an example.");
  }
  const sure = said.some(({ answer }) => answer !== "unsure");
  return sure ? t("Labelers disagree, in round {number}.", { number: round }) : t("Nobody was sure, in round {number}.", { number: round });
}

/** Who said what, as one sentence. */
export const told = ({ said }) => said.map(({ name, answer }) => `${name}: ${ANSWERS[answer]()}`).join(", ");

export function show(question) {
  at("reason").textContent = reasonOf(question);
  at("voices").replaceChildren(...question.said.map((voice, place) => line(voice, place === 0 && question.earlier !== null)));
}

function line({ name, answer, reason, picked }, earlier) {
  const item = document.createElement("li");
  const who = document.createElement("bdi");
  who.textContent = name;
  const word = document.createElement("strong");
  word.className = `said ${answer}`;
  word.textContent = ANSWERS[answer]();
  const when = earlier ? t("(earlier)") : "";
  item.append(who, when && ` ${when}`, " ", word);
  const why = picked ? picked.name : REASONS[reason]?.();
  if (why) item.append(`: ${why}`);
  if (earlier) item.className = "earlier";
  return item;
}
