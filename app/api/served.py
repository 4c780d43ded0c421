"""Stored bytes to browsers: ranges, validators, or the way to the bucket (RFC 9110, 13 and 14)."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from app.domain.errors import BeyondTheEndError

# Content-addressed, so it never changes; private, so that no shared cache serves it to outsiders.
_CACHE = "private, max-age=31536000, immutable"
# Shorter than an address lasts: a browser that asks again within it goes straight to the bucket.
_CACHE_OF_ADDRESS = "private, max-age=240"
_PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def sent_to(address: str) -> Response:
    """Send the browser to a signed address."""
    return RedirectResponse(address, 307, {"Cache-Control": _CACHE_OF_ADDRESS})


def served(request: Request, file: BinaryIO, size: int, tag: str, media_type: str) -> Response:
    """The bytes that a request asks for. The file is closed once they are sent.

    Args:
        request: its method, and the headers Range, If-Range and If-None-Match.
        file: the whole, which can be read from any place.
        size: bytes of the whole.
        tag: what names this content and no other, without quotation marks.
        media_type: what it is.

    Raises:
        BeyondTheEndError: the range begins where nothing is.
    """
    headers = {"ETag": f'"{tag}"', "Accept-Ranges": "bytes", "Cache-Control": _CACHE}
    known = request.headers.get("if-none-match", "")
    if headers["ETag"] in _TAG.findall(known) or known.strip() == "*":
        file.close()
        return Response(status_code=304, headers=headers)
    try:
        part = None if request.method == "HEAD" else _wanted(request, size, headers["ETag"])
    except BeyondTheEndError:
        file.close()
        raise
    start, end = part or (0, size)
    headers |= {"Content-Length": str(end - start)}
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if part is None else 206
    if request.method == "HEAD" or end - start <= _PIECE:
        # Read here and now: each piece of a stream costs a turn of a thread.
        with file:
            file.seek(start)
            body = b"" if request.method == "HEAD" else file.read(end - start)
        return Response(body, status, headers, media_type)
    return StreamingResponse(_pieces(file, start, end), status, headers, media_type)


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(_PIECE, end - start))):
            start += len(piece)
            yield piece


def _wanted(request: Request, size: int, tag: str) -> tuple[int, int] | None:
    """Where the wanted bytes begin and end, None for all of them."""
    if_range = request.headers.get("if-range")
    # A date never matches: what is stored is known by its content alone.
    if if_range is not None and if_range.strip() != tag:
        return None
    return byte_range(request.headers.get("range", ""), size)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Where a range begins and where it ends (exclusive), None where all is to be sent.

    A header that is malformed, of another unit or of several ranges counts as none, as a server
    may choose.

    Raises:
        BeyondTheEndError: nothing is there.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(size - int(suffix), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise BeyondTheEndError(size)
    return start, end
