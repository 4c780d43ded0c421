// The forms of a project's settings. Shares are percentages here and fractions over REST.

import { call } from "./api.js";
import { numberIn, saving } from "./form.js";
import { rulesIn, wirePolicy } from "./project-fields.js";

const share = (input) => {
  const percent = numberIn(input);
  return percent === null ? null : percent / 100;
};

export function wireSettings(form, project) {
  saving(form, ({ elements: of }) =>
    call("PATCH", `/api/v1/projects/${encodeURIComponent(project)}`, {
      body: {
        grid_above: share(of.grid_above),
        grid_below: share(of.grid_below),
        picked: of.picked.value,
        gold_share: share(of.gold_share),
        audit_share: share(of.audit_share),
        redundancy: numberIn(of.redundancy),
        redundancy_for: of.redundancy_for.value,
        show_gold: of.show_gold.checked,
        show_confidence: of.show_confidence.checked,
        show_others: of.show_others.checked,
      },
    }),
  );
}

/** Name, description, how rounds work, how pictures are divided. */
export function wireProject(form, project) {
  const { name, description } = form.elements;
  wirePolicy(form);
  saving(form, () =>
    call("PATCH", `/api/v1/projects/${encodeURIComponent(project)}`, {
      body: { name: name.value, description: description.value.trim(), ...rulesIn(form) },
    }),
  );
}
