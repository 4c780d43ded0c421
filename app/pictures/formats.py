"""Which format bytes are in, told by their first bytes: names and MIME types are hearsay.

Pillow is later told to run this one decoder only. Left to itself it would offer hostile bytes to
some forty plugins, one of which starts Ghostscript.
"""

import re
from enum import StrEnum

from PIL import features

from app.pictures.refusals import PictureRefused, RefusalReason, truncated, unsupported


class PictureFormat(StrEnum):
    """What is accepted: what browsers and common viewers show. Values are Pillow's names."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    WEBP = "WEBP"
    BMP = "BMP"
    TIFF = "TIFF"
    AVIF = "AVIF"

    @property
    def media_type(self) -> str:
        """The MIME type to serve an original under, such as image/jpeg."""
        return f"image/{self.value.lower()}"


_ACCEPTED = (
    (b"\xff\xd8\xff", PictureFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", PictureFormat.PNG),
    (b"GIF87a", PictureFormat.GIF),
    (b"GIF89a", PictureFormat.GIF),
    (b"II*\x00", PictureFormat.TIFF),
    (b"MM\x00*", PictureFormat.TIFF),
)

_REFUSED = (
    (b"II*\x00\x10\x00\x00\x00CR", "a Canon camera raw file (CR2)"),
    (b"FUJIFILMCCD-RAW", "a Fujifilm camera raw file (RAF)"),
    (b"IIU\x00", "a Panasonic camera raw file (RW2)"),
    (b"II+\x00", "a BigTIFF file"),
    (b"MM\x00+", "a BigTIFF file"),
    (b"II\xbc", "a JPEG XR picture"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document (EPS)"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document (EPS)"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"\x00\x00\x02\x00", "a cursor (CUR)"),
    (b"icns", "an icon (ICNS)"),
    (b"SIMPLE  =", "a FITS file"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"DDS ", "a DirectDraw texture (DDS)"),
    (b"qoif", "a QOI picture"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x8aMNG", "an MNG animation"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
)

_PACKED = (
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
)

_BMP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}
_BMP_HEADER_END = 18
_BOX_HEADER_END = 12

_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis")

_WEB_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body|script|title|meta)\b", re.IGNORECASE)
_DRAWING = re.compile(rb"<svg\b", re.IGNORECASE)
_NETPBM = re.compile(rb"P[1-7]\s")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def identify(data: bytes) -> PictureFormat:
    """Tell the format of bytes, or refuse them by the name of what they are.

    Raises:
        PictureRefused: nothing there, not a picture, cut inside the signature, or a format that
            is not accepted.
    """
    if not data:
        raise PictureRefused(
            RefusalReason.EMPTY, "The file is empty (0 bytes). Fetch it again from its source."
        )
    name = next((name for magic, name in _REFUSED if data.startswith(magic)), None)
    if name is not None:
        raise unsupported(name)
    for magic, form in _ACCEPTED:
        if data.startswith(magic):
            return form
        if magic.startswith(data):
            raise truncated(form)
    return _identify_container(data)


def _identify_container(data: bytes) -> PictureFormat:
    """Formats whose signature is not one run of bytes at the start."""
    if data[:4] == b"RIFF"[: len(data)]:
        if len(data) < _BOX_HEADER_END:
            raise truncated(PictureFormat.WEBP)
        if data[8:12] == b"WEBP":
            return PictureFormat.WEBP
    if data[:2] == b"BM"[: len(data)]:
        if len(data) < _BMP_HEADER_END:
            raise truncated(PictureFormat.BMP)
        if int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
            return PictureFormat.BMP
    if data[4:8] == b"ftyp":
        return _identify_boxes(data)
    raise _not_a_picture(data)


def _identify_boxes(data: bytes) -> PictureFormat:
    """AVIF, HEIC and MP4 share one container; the brands in its first box tell them apart."""
    if len(data) < _BOX_HEADER_END:
        raise truncated(PictureFormat.AVIF)
    # The box says how long it is; a lie must not make us search a whole video.
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        # A Pillow built without libavif is legitimate; the refusal then names the format.
        if features.check("avif"):
            return PictureFormat.AVIF
        raise unsupported("an AVIF picture")
    if brands & set(_HEIC) or data[8:12] in {b"mif1", b"msf1"}:
        raise unsupported("a HEIC picture")
    if data[8:12] == b"crx ":
        raise unsupported("a Canon camera raw file (CR3)")
    raise unsupported("a video or audio file (MP4)")


def _not_a_picture(data: bytes) -> PictureRefused:
    """Say what was sent in place of a picture: most often a page about one."""
    head = data[:4096]
    if _NETPBM.match(head):
        return unsupported("a Netpbm picture (PBM, PGM, PPM)")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        if _WEB_PAGE.search(head):
            said = "This is a web page (HTML), not a picture: perhaps an error or a login page"
            return _no_image(f"{said}. Send the address of the picture itself.")
        if _DRAWING.search(head):
            return unsupported("an SVG drawing")
    packed = next((name for magic, name in _PACKED if head.startswith(magic)), None)
    if packed is not None:
        return _no_image(
            f"This is {packed}, not a picture. Send pictures, or a zip or a tar of them."
        )
    if not _CONTROL.search(head):
        return _no_image("This is text, not a picture. Send the picture itself.")
    return _no_image(
        "These bytes do not begin like any known picture. "
        "Check that the file is a picture, then send it as JPEG, PNG or WebP."
    )


def _no_image(detail: str) -> PictureRefused:
    return PictureRefused(RefusalReason.NOT_AN_IMAGE, detail)
