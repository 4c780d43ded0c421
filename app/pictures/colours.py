"""From the colours and the orientation of a file to what a viewer shows: upright sRGB on white."""

import io

from PIL import BmpImagePlugin, GifImagePlugin, Image, ImageCms, TiffImagePlugin

from app.pictures.formats import PictureFormat

_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258

# EXIF orientation -> what makes the picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}

_SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}

# Most photographs carry one of these, and converting them to themselves costs more than decoding.
# Exact names only: "sRGB-elle-V2-g10.icc" is linear light.
_ALREADY_SRGB = {"sRGB", "sRGB IEC61966-2.1", "sRGB built-in"}


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of a loaded picture, 1 to 8; 1 where it is absent or broken."""
    if image.format == PictureFormat.TIFF:
        return 1  # Pillow turns TIFF, and only TIFF, while it loads
    try:
        # Not image.getexif(): that believes XMP too, which browsers do not.
        exif = Image.Exif()
        exif.load(image.info.get("exif") or b"")
        value = exif.get(_ORIENTATION)
    except Exception:  # noqa: BLE001 (metadata of strangers raises anything; the pixels are good)
        return 1
    return value if value in _TURNS else 1


def is_sideways(image: Image.Image) -> bool:
    """Whether a viewer exchanges width and height of a loaded picture."""
    return orientation(image) in _SIDEWAYS


def turn(image: Image.Image, value: int) -> Image.Image:
    """Make a picture of this EXIF orientation upright."""
    return image.transpose(_TURNS[value]) if value in _TURNS else image


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded picture of any mode to 8-bit sRGB over white. Not turned."""
    area = _gif_area(image)
    image = _with_sound_alpha(_eight_bit(image))
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        rgb = _over_white(_managed(image.convert("RGBA"), profile))
    else:
        # Profiles describe the colours that a palette holds, never its numbers.
        native = image if image.mode in _SPACES else image.convert("RGB")
        rgb = _managed(native, profile).convert("RGB")
    return _on_canvas(rgb, area)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits: Pillow's own conversion clips, which leaves white."""
    if not image.mode.startswith("I;16"):
        return image
    bits = 16
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = max(image.tag_v2.get(_BITS_PER_SAMPLE, (bits,)))  # cameras write 12
    scale = 255 / (2**bits - 1)
    return image.convert("I").point(lambda value: value * scale + 0.5).convert("L")


def _with_sound_alpha(image: Image.Image) -> Image.Image:
    """Forget transparency that does not mean what it says."""
    if isinstance(image, BmpImagePlugin.BmpImageFile) and image.mode == "RGBA":
        # Many writers of BMP leave the fourth byte at zero; viewers show such pictures solid.
        return image if image.getchannel("A").getextrema() != (0, 0) else image.convert("RGB")
    key = image.info.get("transparency")
    values = key if isinstance(key, tuple) else (key,)
    if any(isinstance(value, int) and value > 255 for value in values):  # noqa: PLR2004
        # The transparent colour of a 16-bit PNG names a 16-bit value; these pixels have 8 now.
        del image.info["transparency"]
    return image


def _managed(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the embedded profile; one that is broken or of another mode is ignored."""
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[image.mode]:
            return image
        if source.profile.profile_description in _ALREADY_SRGB:
            return image
        managed = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
        )
    except Exception:  # noqa: BLE001 (profiles of strangers raise anything; the pixels are good)
        return image
    return managed or image


def _over_white(rgba: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", rgba.size, "white")
    canvas.paste(rgba, mask=rgba.getchannel("A"))
    return canvas


def _gif_area(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The part of a GIF's canvas that its first frame covers, where that is not all of it."""
    if not isinstance(image, GifImagePlugin.GifImageFile):
        return None
    area = image.dispose_extent
    return area if area and area != (0, 0, *image.size) else None


def _on_canvas(rgb: Image.Image, area: tuple[int, int, int, int] | None) -> Image.Image:
    """Pillow paints the rest of the canvas in the first palette colour; browsers leave it clear."""
    if area is None:
        return rgb
    canvas = Image.new("RGB", rgb.size, "white")
    canvas.paste(rgb.crop(area), area)
    return canvas
