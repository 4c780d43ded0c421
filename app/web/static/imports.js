// Where imports begin: an archive or a folder is sent as one file, and then looked at on its page.

import { dropping, filesIn, seen } from "./dropping.js";
import { tarOf } from "./tar.js";
import { t, tn } from "./words.js";

const at = (id) => document.getElementById(id);
const slug = encodeURIComponent(at("lead").dataset.project);
const csrf = document.querySelector('meta[name="csrf-token"]').content;

let request = null;
let latest = null;

// --- Choosing

at("choose-archive").addEventListener("click", () => at("archive").click());
at("choose-folder").addEventListener("click", () => at("folder").click());
at("archive").addEventListener("change", ({ target }) => {
  if (target.files.length) send(target.files[0], target.files[0].name);
  target.value = ""; // the same file may be chosen again
});
at("folder").addEventListener("change", ({ target }) => {
  sendFolder([...target.files].map((file) => ({ path: file.webkitRelativePath, file })));
  target.value = "";
});

dropping(at("drop"), async (entries, files) => {
  if (entries.length === 1 && entries[0].isFile && !/^image\//.test(files[0].type)) {
    return send(files[0], files[0].name);
  }
  busy(t("Reading the folder …"));
  try {
    sendFolder(await filesIn(entries));
  } catch {
    refuse(t("The folder could not be read. Choose it with the button instead."));
  }
});

// --- Sending

function sendFolder(files) {
  const wanted = seen(files);
  if (!wanted.length) return refuse(t("The folder is empty. Choose one with pictures."));
  send(tarOf(wanted), `${wanted[0].path.split("/")[0]}.tar`, wanted.length);
}

function send(blob, name, files = null) {
  if (request) return;
  latest = () => send(blob, name, files);
  busy(files ? tn("{name}, {n} file", "{name}, {n} files", files, { name }) : name);
  const form = new FormData();
  form.append("start", "false");
  form.append("file", blob, name);
  // fetch tells nothing about what is on its way.
  request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => show(loaded, total));
  request.addEventListener("load", ended);
  request.addEventListener("error", () => refuse(t("The connection broke off. Nothing was written; send it again.")));
  request.addEventListener("abort", () => quiet());
  request.open("POST", `/api/v1/projects/${slug}/imports`);
  request.setRequestHeader("X-CSRF-Token", csrf);
  request.setRequestHeader("Accept-Language", document.documentElement.lang);
  request.send(form);
}

function ended() {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // A proxy's page: what is said below must do.
  }
  if (request.status === 201) return location.assign(`/projects/${slug}/import/${answer.id}`);
  refuse(answer.detail ?? t("The server refused ({status}).", { status: request.status }));
}

function show(loaded, total) {
  at("bar").max = total;
  at("bar").value = loaded;
  at("far").textContent =
    loaded < total
      ? t("{done} of {total} MB", { done: megabytes(loaded), total: megabytes(total) })
      : t("Looking into it …");
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

function busy(what) {
  at("refusal").hidden = true;
  at("sending").hidden = false;
  at("what").textContent = what;
  at("far").textContent = "";
  at("bar").value = 0;
}

function quiet() {
  request = null;
  at("sending").hidden = true;
}

function refuse(why) {
  quiet();
  at("why").textContent = why;
  at("again").hidden = !latest;
  at("refusal").hidden = false;
}

at("again").addEventListener("click", () => latest?.());
at("stop").addEventListener("click", () => request?.abort());
for (const id of ["choose-archive", "choose-folder"]) at(id).disabled = false;
