// Random names: of this tab, and of each decision.

/** 128 random bits. (crypto.randomUUID is missing where a page is served without TLS.) */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * This tab's name, one for each kind of page. It survives a reload, so that a reload finds its leases
 * again.
 */
export async function clientId(storage, page = "") {
  const name = page ? `vetted:client:${page}` : "vetted:client";
  let id = read(storage, name);
  // A duplicated tab inherits the name, and would be given the same pictures: whoever holds the
  // lock is the first, the other takes a new name.
  if (!id || !(await claim(id))) {
    id = `${page || "tab"}-${randomId()}`;
    await claim(id);
    write(storage, name, id);
  }
  return id;
}

function claim(id) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks
      .request(`vetted:${id}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise(() => {}); // held until the page goes
      })
      .catch(() => resolve(true));
  });
}

function read(storage, name) {
  try {
    return storage.getItem(name);
  } catch {
    return null;
  }
}

function write(storage, name, value) {
  try {
    storage.setItem(name, value);
  } catch {
    // Without storage the name lives as long as the page.
  }
}
