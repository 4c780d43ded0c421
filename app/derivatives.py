"""Small copies of stored images, made on first use."""

from app.blobs import BlobMissing, Blobs, derivative_key, original_key
from app.pictures import Size, derive, extent

# Pixels of the longest side from which a small copy is quicker to make and read than the original:
# from three times its size on a JPEG is decoded at a half or less of its detail.
_LARGE = 3 * Size.MODEL


def derivative(blobs: Blobs, sha256: str, size: Size) -> bytes:
    """The stored copy of an image at a size, as WebP; made and stored when asked for first.

    Two makers of one copy write equal bytes, and each put is atomic, so they need no lock.

    Raises:
        BadKey: this is no SHA-256.
        BlobMissing: the original is not stored.
        PictureRefused: the stored original cannot be decoded.
    """
    key = derivative_key(sha256, size.word)
    try:
        return blobs.get(key)
    except BlobMissing:
        original = original_key(sha256)
        made = derive(blobs.get(original), size)
        blobs.put(key, made, "image/webp")
        if not blobs.exists(original):
            # Erased meanwhile (the original goes before its copies): this copy goes, too.
            blobs.delete(key)
            raise BlobMissing(original) from None
        return made


def ensure_derivative(blobs: Blobs, sha256: str, size: Size) -> None:
    """Make the copy unless it is stored; nothing of it is read. Raises what `derivative` raises."""
    if not blobs.exists(derivative_key(sha256, size.word)):
        derivative(blobs, sha256, size)


def for_model(blobs: Blobs, sha256: str, short: int) -> bytes:
    """What a model reads of an image: always the same file, whoever reads and however often.

    That is the copy of a large picture, stored when it is asked for first, and any other as it came;
    so is one whose copy is too narrow.

    Args:
        blobs: where both are.
        sha256: the image.
        short: the pixels that the model wants of the shorter side.

    Raises:
        BlobMissing: the original is not stored.
        PictureRefused: the stored original cannot be decoded.
    """
    original = original_key(sha256)
    try:
        copy = blobs.get(derivative_key(sha256, Size.MODEL.word))
    except BlobMissing:
        data = blobs.get(original)
        if max(extent(data)) < _LARGE:
            return data
        copy = derivative(blobs, sha256, Size.MODEL)
    return copy if min(extent(copy)) >= short else blobs.get(original)
