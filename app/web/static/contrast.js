// What stands beside a picture: what a true one looks like, what is taken for one, and what was refused.

import { t } from "./words.js";

const MOST = 9; // the digits enlarge them

const at = (id) => document.getElementById(id);
const panel = at("beside");

let shown = { category: null, key: "" };

/**
 * The pictures beside a proposal, in groups: {kind, title, images}. Exemplars of another category and
 * refused pictures keep groups of their own, so that nobody learns from the wrong ones.
 */
export function groupsOf(proposal, category) {
  const { exemplars, confusable, rejected } = proposal.contrast;
  const nearest = exemplars.length ? exemplars : category.exemplars;
  return [
    { kind: "true", title: t("Examples"), images: nearest.slice(0, MOST) },
    {
      kind: "other",
      title: confusable ? t("Easily taken for {category}", { category: confusable.name }) : "",
      images: confusable?.exemplars ?? [],
    },
    { kind: "refused", title: t("Refused as {category}", { category: category.name }), images: rejected },
  ].filter(({ images }) => images.length);
}

/** All pictures of the groups in order, each with the group it belongs to. */
export function listed(groups) {
  return groups.flatMap(({ kind, title, images }) =>
    images.map((image, index) => ({ kind, title, image, index, of: images.length })),
  );
}

/** Show the panel; onPicture(index in `listed`) enlarges one. True when the category is another one. */
export function show(proposal, category, onPicture) {
  panel.hidden = false;
  const another = shown.category !== null && shown.category !== category.id;
  if (shown.category !== category.id) showCategory(category);
  const groups = groupsOf(proposal, category);
  const key = JSON.stringify(groups.map(({ kind, images }) => [kind, images.map(({ sha256 }) => sha256)]));
  if (another || shown.key !== key) showGroups(groups, onPicture);
  shown = { category: category.id, key };
  showHints(proposal);
  at("changed").hidden = !another;
  return another;
}

export function hide() {
  panel.hidden = true;
  shown = { category: null, key: "" };
}

function showCategory(category) {
  at("category").textContent = category.name;
  at("scientific").textContent = category.scientific_name;
  // Both are rendered by the server, raw HTML off.
  at("definition").innerHTML = category.definition_html;
  at("traits").innerHTML = category.traits_html ?? "";
  at("look-alikes").hidden = !category.look_alikes.length;
  at("look-alike-names").textContent = category.look_alikes.join(", ");
  panel.scrollTop = 0;
}

function showGroups(groups, onPicture) {
  let index = 0;
  at("contrast").replaceChildren(
    ...groups.map(({ kind, title, images }) => {
      const heading = document.createElement("h3");
      heading.textContent = title;
      const list = document.createElement("ul");
      list.append(...images.map((image, place) => thumbnail(image, `${title}, ${place + 1}`, index++, onPicture)));
      if (kind === "true") list.id = "exemplars";
      const section = document.createElement("section");
      section.className = `group ${kind}`;
      section.append(heading, list);
      return section;
    }),
  );
}

function thumbnail(picture, name, index, onPicture) {
  const image = new Image();
  image.decoding = "sync"; // small and loaded before: shown together with the question
  image.src = picture.thumbnail_url;
  image.alt = t("{picture}, enlarge", { picture: name });
  const button = document.createElement("button");
  button.type = "button";
  button.append(image);
  button.addEventListener("click", () => onPicture(index));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

const ANSWERS = { yes: () => t("yes"), no: () => t("no"), unsure: () => t("unsure") };

/** The confidence and others' answers: only where the lead lets the server send them. */
function showHints({ confidence, earlier }) {
  const hints = [];
  if (confidence !== null) hints.push(t("The model: {percent} % sure", { percent: Math.round(confidence * 100) }));
  for (const { answer } of earlier) hints.push(t("Somebody else: {answer}", { answer: ANSWERS[answer]?.() ?? answer }));
  at("hints").hidden = !hints.length;
  at("hints").textContent = hints.join(" · ");
}
