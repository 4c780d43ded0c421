// What this person chose: kept by the server, so that it is the same in every browser.

import { call } from "./api.js";

const PATH = "/api/v1/me/preferences";
const DEFAULTS = { keys: {}, language: null, break_minutes: 50, grid_size: 24 };

export async function loadPreferences() {
  try {
    return { ...DEFAULTS, ...(await call("GET", PATH)).body };
  } catch {
    return DEFAULTS; // the page works without; a change is refused with a sentence
  }
}

/** Change some of them. Another page may have changed others meanwhile: they are read anew first. */
export async function savePreferences(change) {
  const { body } = await call("GET", PATH);
  return (await call("PUT", PATH, { body: { ...body, ...change(body) } })).body;
}
