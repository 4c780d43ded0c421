"""Is all of the file there? And how many frames does it hold?

Pillow stops reading once it has the first frame, so it accepts a PNG, GIF or WebP whose end is
missing. The containers say where they end; these walks go there without decoding anything.
"""

import re
import struct
import zlib

from app.pictures.formats import PictureFormat
from app.pictures.refusals import damaged, truncated, unsupported

_PNG_SIGNATURE = 8
_PNG_AROUND = 12  # length, kind and checksum around the content of a chunk

_GIF_HEADER = 13
_GIF_BLOCK = re.compile(rb"[!,;]")
_GIF_DESCRIPTOR = 9

_TIFF_DNG_VERSION = 50706
_TIFF_BYTES = {1, 2, 6, 7}  # types whose values Pillow keeps as bytes
_TIFF_LISTS = {258, 273, 320, 324, 338, 339}  # tags that Pillow unfolds into lists, whatever type
# A picture of 200 megapixels in tiles of 16 x 16 has fewer entries than this.
_TIFF_MOST_VALUES = 1_000_000


def count_frames(form: PictureFormat, data: bytes) -> int | None:
    """Walk the container to its end and count the frames of the animation.

    Gives None where the container is the decoder's business. A still picture has one frame; so do
    the pages of a TIFF and the stereo pairs of a JPEG, of which a viewer shows the first.

    Raises:
        PictureRefused: the end is missing, or the structure is hostile.
    """
    if form is PictureFormat.PNG:
        return _walk_png(data)
    if form is PictureFormat.GIF:
        return _walk_gif(data)
    if form is PictureFormat.WEBP:
        _walk_webp(data)
        return None  # the decoder counts its frames without decoding them
    if form is PictureFormat.TIFF:
        return _walk_tiff(data)
    return 1 if form in {PictureFormat.JPEG, PictureFormat.BMP} else None


def _walk_png(data: bytes) -> int:
    view = memoryview(data)
    position = _PNG_SIGNATURE
    frames = 0
    while position + _PNG_AROUND <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + _PNG_AROUND + length
        if end > len(data):
            break
        # Pillow checks the sums of the headers, but not of the pixels; browsers check both.
        if kind in {b"IDAT", b"fdAT"}:
            expected = int.from_bytes(data[end - 4 : end], "big")
            if zlib.crc32(view[position + 4 : end - 4]) != expected:
                raise damaged(PictureFormat.PNG)
        frames += kind == b"fcTL"
        if kind == b"IEND":
            return max(1, frames)
        position = end
    raise truncated(PictureFormat.PNG)


def _walk_gif(data: bytes) -> int:
    if len(data) < _GIF_HEADER:
        raise truncated(PictureFormat.GIF)
    position = _GIF_HEADER + _gif_table(data[10])
    frames = 0
    # Searching skips stray bytes between blocks, which real files have and viewers forgive.
    while found := _GIF_BLOCK.search(data, position):
        position = found.end()
        if found[0] == b";":
            return max(1, frames)
        if found[0] == b",":
            if position + _GIF_DESCRIPTOR >= len(data):
                break
            position += _GIF_DESCRIPTOR + _gif_table(data[position + _GIF_DESCRIPTOR - 1])
            frames += 1
        # One byte before the sub-blocks: an extension's label, or the code size of pixels.
        position = _after_gif_sub_blocks(data, position + 1)
    raise truncated(PictureFormat.GIF)


def _gif_table(flags: int) -> int:
    """The size in bytes of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 128 else 0


def _after_gif_sub_blocks(data: bytes, position: int) -> int:
    while position < len(data) and data[position]:
        position += data[position] + 1
    return position + 1


def _walk_webp(data: bytes) -> None:
    if len(data) < int.from_bytes(data[4:8], "little") + 8:
        raise truncated(PictureFormat.WEBP)


def _walk_tiff(data: bytes) -> int:
    """Look at the first directory only: small files can announce lists that fill the memory."""
    order = "<" if data.startswith(b"II") else ">"
    try:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, directory)
        for entry in range(entries):
            where = directory + 2 + 12 * entry
            tag, kind, values = struct.unpack_from(f"{order}HHI", data, where)
            if tag == _TIFF_DNG_VERSION:
                raise unsupported("a camera raw file (DNG)")
            unfolded = kind not in _TIFF_BYTES or tag in _TIFF_LISTS
            if unfolded and values > _TIFF_MOST_VALUES:
                raise damaged(PictureFormat.TIFF)
    except struct.error as error:
        raise truncated(PictureFormat.TIFF) from error
    return 1
