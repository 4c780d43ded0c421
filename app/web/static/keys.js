// Keys that answer once, however long they are held.

const AUTOREPEAT = 120; // no finger taps one key faster; remote desktops send repeats as fresh presses

const ACTIONS = {
  y: "yes",
  arrowright: "yes",
  n: "no",
  arrowleft: "no",
  u: "unsure",
  z: "undo",
  backspace: "undo",
  e: "examples",
  "?": "help",
};

/** Call act(action, event) for each key that means something here. */
export function listen(act) {
  let last = { key: "", at: -Infinity };
  document.addEventListener("keydown", (event) => {
    const held = event.repeat || (event.key === last.key && event.timeStamp - last.at < AUTOREPEAT);
    last = { key: event.key, at: event.timeStamp };
    // A held Enter clicks a focused button again and again.
    if (held && event.key === "Enter") event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const action = actionOf(event);
    if (!action || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    if (!held) act(action, event);
  });
}

function actionOf(event) {
  const key = event.key.toLowerCase();
  if (/^[1-9]$/.test(key)) return key;
  if (ACTIONS[key]) return ACTIONS[key];
  // On a keyboard with other letters the place of the key counts.
  const other = key.length === 1 && key > "\u007f" && /^Key[A-Z]$/.test(event.code);
  return other ? ACTIONS[event.code.slice(3).toLowerCase()] : undefined;
}

function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]");
}
