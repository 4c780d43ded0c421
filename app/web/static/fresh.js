// The server renders all of a page: what has changed is asked for again, and put in place of the old.

/**
 * Put the parts marked data-live, as they are now, in place of those that differ.
 *
 * @param replace (old, part): how one is put in place; the new children for the old ones without
 * @returns the page as the server renders it now, or null when all of it is loaded again
 */
export async function refresh(replace = (old, part) => old.replaceChildren(...part.childNodes)) {
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok || response.redirected) {
    location.reload();
    return null;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = fresh.querySelector(`[data-live="${old.dataset.live}"]`);
    if (part && part.innerHTML !== old.innerHTML) replace(old, part);
  }
  return fresh;
}
