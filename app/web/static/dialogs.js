// What every dialog does: its close buttons and a click beside it close it.

export function wire(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}
