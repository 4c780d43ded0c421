// The form that makes a project.

import { call } from "./api.js";
import { numberIn, saving } from "./form.js";
import { rulesIn, wirePolicy } from "./project-fields.js";

const LONGEST = 63;
const form = document.getElementById("new-project");
const { name, slug, description, backbone, weights, image_size: size } = form.elements;

/** "Süße Äpfel & Birnen" is suesse-aepfel-birnen: what an address can hold of a name. */
const SPELLED = { ä: "ae", ö: "oe", ü: "ue", ß: "ss", æ: "ae", ø: "o", ł: "l" };
const proposed = (text) =>
  text
    .toLowerCase()
    .replace(/[äöüßæøł]/g, (letter) => SPELLED[letter])
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST)
    .replace(/^-+|-+$/g, "");

let last = "";
name.addEventListener("input", () => {
  if (slug.value !== last) return; // somebody wrote an own one
  last = proposed(name.value);
  slug.value = last;
});

backbone.addEventListener("change", () => {
  for (const each of document.querySelectorAll("[data-backbone]")) {
    each.hidden = each.dataset.backbone !== backbone.value;
  }
});

wirePolicy(form);
saving(
  form,
  () =>
    call("POST", "/api/v1/projects", {
      body: {
        name: name.value,
        slug: slug.value,
        description: description.value.trim(),
        backbone: backbone.value,
        weights: weights.value || null,
        image_size: numberIn(size),
        ...rulesIn(form),
      },
    }),
  ({ body }) => location.assign(`/projects/${encodeURIComponent(body.slug)}`),
);
