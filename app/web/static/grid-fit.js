// How large the tiles of a page can be.

const LEAST = 72; // CSS pixels: smaller pictures cannot be judged; the page then scrolls
const HANDY = 116; // the least side where it scrolls anyway
const MOST = 460;

/** The most even {columns, side} for `count` squares in a box; its height may be Infinity. */
export function fit(count, width, height, gap) {
  let best = { columns: 1, side: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = (height - gap * (rows - 1)) / rows;
    const side = Math.floor(Math.min(across, down, MOST));
    if (side > best.side) best = { columns, side };
  }
  if (height !== Infinity && best.side >= LEAST) return best;
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (HANDY + gap))));
  return { columns, side: Math.floor(Math.min((width - gap * (columns - 1)) / columns, MOST)) };
}
