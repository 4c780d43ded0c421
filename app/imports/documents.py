"""JSON of strangers."""

import json
from typing import Any

from app.domain.errors import ImportRefusedError


def parse(name: str, content: bytes) -> Any:
    """The JSON of an annotation file.

    Raises:
        ImportRefusedError: when it is not JSON, or not JSON that can be read.
    """
    try:
        return json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise broken(name) from None


def broken(name: str) -> ImportRefusedError:
    """The refusal of an annotation file that is not what its format says."""
    return ImportRefusedError(
        "annotation_broken",
        "{name} cannot be read in this format. Export it again, or choose another format.",
        name=name,
    )


def entries(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is there is passed over."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A text that is there."""
    return value if isinstance(value, str) and value.strip() else None
