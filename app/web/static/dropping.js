// Files that are dropped or chosen, with the paths that they have in their folder.

const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$)/;

/** What systems leave in folders is nobody's picture. */
export const seen = (files) => files.filter(({ path }) => !HIDDEN.test(path));

/** Call `take(entries, files)` with what is dropped on an element, which shows that it is aimed at. */
export function dropping(element, take) {
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    take(entries, event.dataTransfer.files);
  });
}

/** [{path, file}] of all entries and what is within them. */
export const filesIn = async (entries) => (await Promise.all(entries.map((entry) => filesOf(entry, "")))).flat();

/** [{path, file}] of an entry and all within. */
async function filesOf(entry, folder) {
  const path = folder + entry.name;
  if (entry.isFile) return [{ path, file: await new Promise((done, fail) => entry.file(done, fail)) }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // a hundred at a time
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((inner) => filesOf(inner, `${path}/`)))).flat();
}
