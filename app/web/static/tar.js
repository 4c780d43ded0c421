// A folder as one file. The tar only refers to the pictures: the browser reads them from disk while
// it sends, so that a folder of gigabytes takes no memory.

const BLOCK = 512;
const PLAIN = 100; // bytes of a name that fits the header
const encoder = new TextEncoder();

/** `files` is a list of {path, file}. */
export function tarOf(files) {
  const parts = [];
  for (const { path, file } of files) {
    const name = encoder.encode(path);
    if (name.length > PLAIN || name.some((byte) => byte > 126)) {
      const record = pathRecord(name);
      parts.push(header(encoder.encode("path"), record.length, "x"), record, padding(record.length));
    }
    parts.push(header(name.slice(0, PLAIN), file.size, "0"), file, padding(file.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts, { type: "application/x-tar" });
}

const padding = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** A pax record: its own length in front, digits included. */
function pathRecord(name) {
  const rest = name.length + " path=\n".length;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  const record = new Uint8Array(length);
  const front = encoder.encode(`${length} path=`);
  record.set(front);
  record.set(name, front.length);
  record[length - 1] = 10;
  return record;
}

function header(name, size, type) {
  const block = new Uint8Array(BLOCK);
  const put = (text, at) => block.set(encoder.encode(text), at);
  block.set(name);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${size.toString(8).padStart(11, "0")}\0`, 124);
  put("00000000000\0", 136);
  put("        ", 148); // its own sum counts as blanks
  put(type, 156);
  put("ustar\0", 257);
  put("00", 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
