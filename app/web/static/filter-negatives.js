// Negatives: dropped or chosen, sent some at a time, and taken back. Sending one again is harmless.

import { Passing, call } from "./api.js";
import { dropping, filesIn, seen } from "./dropping.js";
import { unzipped } from "./unzip.js";
import { count, t, tn } from "./words.js";

const TRIES = 6;
const PAUSE = 2000; // milliseconds before a request is sent again
const BYTES = 20_000_000; // in one request, unless one picture alone has more

const at = (id) => document.getElementById(id);

export function wireNegatives(address, refresh) {
  const most = Number(at("negatives").dataset.most);
  const refusal = at("negatives-refusal");
  let stopped = false;
  let busy = false;

  const refuse = (why) => {
    refusal.textContent = why;
    refusal.hidden = false;
  };

  // --- Choosing

  at("choose-pictures").addEventListener("click", () => at("pictures").click());
  at("choose-folder").addEventListener("click", () => at("folder").click());
  for (const id of ["pictures", "folder"]) {
    at(id).addEventListener("change", ({ target }) => {
      const files = [...target.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
      target.value = ""; // the same ones may be chosen again
      send(async () => files);
    });
  }
  dropping(at("drop"), (entries) => send(() => filesIn(entries)));

  /** [{path, read}] of the files and of what is in those that are a zip. */
  async function opened(files) {
    const found = await Promise.all(
      files.map(({ path, file }) => (/\.zip$/i.test(path) ? unzipped(file) : [{ path, read: async () => file }])),
    );
    return seen(found.flat());
  }

  // --- Sending

  async function send(choose) {
    if (busy) return;
    busy = true;
    stopped = false;
    refusal.hidden = true;
    at("sent").textContent = "";
    at("far").textContent = t("Reading what was chosen …");
    at("bar").value = 0;
    at("sending").hidden = false;
    let pictures = [];
    try {
      pictures = await opened(await choose());
    } catch {
      refuse(t("This could not be read. Unpack the archive and choose its folder instead."));
    }
    if (pictures.length) await sendAll(pictures);
    else if (refusal.hidden) refuse(t("The folder is empty. Choose one with pictures."));
    at("sending").hidden = true;
    busy = false;
    await refresh().catch(() => {});
  }

  async function sendAll(pictures) {
    const told = { stored: 0, duplicate: 0, refused: 0, why: null };
    at("bar").max = pictures.length;
    let done = 0;
    try {
      while (done < pictures.length && !stopped) {
        at("far").textContent = t("{done} of {total} pictures", { done: count(done), total: count(pictures.length) });
        done += await sendSome(pictures.slice(done, done + most), told);
        at("bar").value = done;
      }
    } catch (error) {
      refuse(error instanceof Passing ? t("The server did not answer. Choose the pictures again: none is stored twice.") : error.message);
    }
    at("sent").textContent = [
      tn("{n} negative added.", "{n} negatives added.", told.stored),
      told.duplicate && tn("{n} was there already.", "{n} were there already.", told.duplicate),
      told.refused && tn("{n} file was left out: {why}", "{n} files were left out, the first because: {why}", told.refused, { why: told.why }),
    ]
      .filter(Boolean)
      .join(" ");
  }

  /** Sends as many of these as fit into a request; gives how many. */
  async function sendSome(some, told) {
    const form = new FormData();
    let bytes = 0;
    let taken = 0;
    for (const { path, read } of some) {
      const blob = await read().catch(() => new Blob()); // refused by the server, with its name
      if (taken && bytes + blob.size > BYTES) break;
      form.append("files", blob, path.split("/").at(-1));
      bytes += blob.size;
      taken += 1;
    }
    const { body } = await patiently(() => call("POST", `${address}/negatives`, { body: form }));
    told.stored += body.stored;
    told.duplicate += body.duplicate;
    const refused = body.images.filter(({ outcome }) => outcome === "rejected" || outcome === "conflict");
    told.refused += refused.length;
    told.why ??= refused[0]?.detail ?? null;
    return taken;
  }

  async function patiently(request) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof Passing) || attempt === TRIES || stopped) throw error;
        await new Promise((done) => setTimeout(done, PAUSE));
      }
    }
  }

  at("stop").addEventListener("click", () => {
    stopped = true;
  });

  // --- Taking back

  at("negatives").addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-take-back]");
    if (!button) return;
    button.disabled = true;
    refusal.hidden = true;
    try {
      await call("DELETE", `${address}/negatives/${button.dataset.takeBack}`);
    } catch (error) {
      refuse(error instanceof Passing ? t("The server did not answer. Try again.") : error.message);
      button.disabled = false;
      return;
    }
    await refresh().catch(() => {});
    at("sent").textContent = t("Taken back.");
    (at("negatives").querySelector("[data-take-back]") ?? at("choose-pictures")).focus();
  });

  for (const id of ["choose-pictures", "choose-folder"]) at(id).disabled = false;
}
