// Answering with one thumb: right is yes, left is no, up is unsure. Nothing is answered before the
// finger is lifted beyond the threshold: bringing it back cancels.

const SLOP = 10; // CSS pixels before a direction is taken
const FAR = 110;
const SHARE = 0.28; // of the pane, where that is less

/**
 * @param pane where the finger moves
 * @param on {
 *   ready() => whether a swipe may begin,
 *   moved({dx, dy, answer or null, far}) => show it,
 *   ended(answer or null) => put the picture back, and answer
 * }
 */
export function listen(pane, on) {
  let finger = null; // {id, x, y, dx, dy}

  function end(answer) {
    if (!finger) return;
    finger = null;
    on.ended(answer);
  }

  pane.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse") return;
    if (finger) end(null); // a second finger: a pinch
    else if (event.isPrimary && on.ready()) {
      finger = { id: event.pointerId, x: event.clientX, y: event.clientY, dx: 0, dy: 0 };
    }
  });
  pane.addEventListener("pointermove", (event) => {
    if (event.pointerId !== finger?.id) return;
    if (!on.ready()) return end(null); // the picture went meanwhile
    finger.dx = event.clientX - finger.x;
    finger.dy = event.clientY - finger.y;
    on.moved({ dx: finger.dx, dy: finger.dy, ...meant(finger, pane) });
  });
  pane.addEventListener("pointerup", (event) => {
    if (event.pointerId !== finger?.id) return;
    const { answer, far } = meant(finger, pane);
    end(far ? answer : null);
  });
  pane.addEventListener("pointercancel", () => end(null));
}

function meant({ dx, dy }, pane) {
  const across = Math.abs(dx) > Math.abs(dy);
  const way = across ? Math.abs(dx) : -dy; // down means nothing
  if (way < SLOP) return { answer: null, far: false };
  const side = across ? pane.clientWidth : pane.clientHeight;
  const answer = across ? (dx > 0 ? "yes" : "no") : "unsure";
  return { answer, far: way >= Math.min(FAR, side * SHARE) };
}
