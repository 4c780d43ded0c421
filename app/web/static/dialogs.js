// What every dialog does: its close buttons and a click beside it close it.

/**
 * Call act for keys in an open dialog. One that was just closed keeps the focus until the next frame:
 * a key that comes before belongs to the page.
 */
export function onKey(dialog, act) {
  dialog.addEventListener("keydown", (event) => {
    if (dialog.open && act(event) !== false) event.preventDefault();
  });
}

export function wire(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}
