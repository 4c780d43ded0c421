// The page of the reader's preferences.

import { numberIn, saving } from "./form.js";
import { savePreferences } from "./preferences.js";

const form = document.getElementById("preferences");

saving(
  form,
  ({ elements: of }) =>
    savePreferences(() => ({
      language: of.language.value || null,
      break_minutes: numberIn(of.break_minutes),
      grid_size: numberIn(of.grid_size),
    })),
  ({ language }) => {
    if ((language ?? "") !== form.dataset.language) location.reload();
  },
);
