// The files of a zip, unpacked by the browser: only what is asked for is read.

const TAIL = 65_557; // bytes: the end record and the longest comment before it
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const LARGE = 0xffffffff; // says that the number stands elsewhere (zip64)
const decoder = new TextDecoder();

const view = async (blob, start, end) => new DataView(await blob.slice(start, end).arrayBuffer());

/** [{path, read}]: `read` gives the file as a Blob. Throws where it is no zip that can be read here. */
export async function unzipped(blob) {
  const start = Math.max(0, blob.size - TAIL);
  const tail = await view(blob, start, blob.size);
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw new Error("no end record");
  const size = tail.getUint32(at + 12, true);
  const offset = tail.getUint32(at + 16, true);
  if (offset === LARGE || size === LARGE) throw new Error("zip64");
  return entriesOf(blob, await view(blob, offset, offset + size));
}

function entriesOf(blob, list) {
  const found = [];
  for (let at = 0; at + 46 <= list.byteLength && list.getUint32(at, true) === ENTRY; ) {
    const [nameLength, extra, comment] = [28, 30, 32].map((place) => list.getUint16(at + place, true));
    const path = decoder.decode(new Uint8Array(list.buffer, at + 46, nameLength));
    const entry = {
      locked: list.getUint16(at + 8, true) & 1,
      method: list.getUint16(at + 10, true),
      packed: list.getUint32(at + 20, true),
      local: list.getUint32(at + 42, true),
    };
    if (!path.endsWith("/")) found.push({ path, read: () => read(blob, entry) });
    at += 46 + nameLength + extra + comment;
  }
  return found;
}

async function read(blob, { locked, method, packed, local }) {
  const head = await view(blob, local, local + 30);
  if (locked || head.getUint32(0, true) !== LOCAL || ![0, 8].includes(method)) throw new Error("cannot be unpacked");
  const start = local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const content = blob.slice(start, start + packed);
  if (method === 0) return content;
  return new Response(content.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}
