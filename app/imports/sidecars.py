"""Files beside a picture that say where it came from: in folders, archives and WebDataset shards.

A crawler that writes `0001.jpg` writes `0001.json` or `0001.txt` next to it. WebDataset calls what
comes before the first dot the key of a sample; all of its files share it.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from app.domain.ingestion import SourceFacts
from app.imports.rows import facts, suffix_of

MOST_BYTES = 1_000_000
SIDECARS = (".json", ".txt")
# What WebDataset samples hold besides: labels, arrays, tensors. It says nothing of sources.
_PASSED_OVER = frozenset(
    {
        ".cls", ".cls2", ".not", ".index", ".id", ".inx", ".npy", ".npz", ".pth", ".pt", ".ten",
        ".tb", ".pyd", ".pkl", ".pickle", ".mp", ".msg", ".msgpack", ".cbor",
    }
)  # fmt: skip
_KEYS = {
    "url": ("url", "image_url", "source_url", "source"),
    "author": ("author", "creator", "photographer"),
    "licence": ("licence", "license"),
    "tags": ("tags", "tag", "keywords"),
    "crawled_at": ("crawled_at",),
}
_LINE = re.compile(r"\s*([A-Za-z_]+)\s*:\s*(\S.*)")


class SidecarError(ValueError):
    """A sidecar is not what its suffix says, or far too large."""


def is_beside(name: str) -> bool:
    """Whether a file is none that could be a picture, but belongs to one."""
    return suffix_of(name) in _PASSED_OVER or is_sidecar(name)


def is_sidecar(name: str) -> bool:
    """Whether a file may say where a picture came from."""
    return suffix_of(name) in SIDECARS


def key_of(name: str) -> str:
    """What the files of one WebDataset sample share: the path up to the first dot of the file's name."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base[:1]}{base[1:].partition('.')[0]}"


def sidecars_of(picture: str, names: Collection[str]) -> list[str]:
    """Those of these files that speak of a picture, the closest first.

    `a.b.jpg` has `a.b.jpg.json`, or else `a.b.json`, or else `a.json`; with .txt likewise.
    """
    stem = picture[: len(picture) - len(suffix_of(picture))]
    found = []
    for suffix in SIDECARS:
        wanted = (f"{picture}{suffix}", f"{stem}{suffix}", f"{key_of(picture)}{suffix}")
        found += [name for name in dict.fromkeys(wanted) if name in names][:1]
    return found


def source_of(sidecars: Iterable[tuple[str, bytes]], otherwise: SourceFacts) -> SourceFacts:
    """What they say together; earlier ones win, and `otherwise` fills what none of them says.

    What cannot be kept, as an address that is none, is left out: a bad note loses no picture.

    Raises:
        SidecarError: for one that is no JSON object, no UTF-8 or too large.
    """
    told: dict[str, Any] = {}
    for name, content in sidecars:
        if len(content) > MOST_BYTES:
            raise SidecarError(f"{name} has more than {MOST_BYTES:,} bytes.")
        said = _json(name, content) if suffix_of(name) == ".json" else _text(name, content)
        told = said | told
    return facts(**told).filled(otherwise)


def _json(name: str, content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise SidecarError(f"{name} is no JSON.") from None
    if not isinstance(parsed, dict):
        raise SidecarError(f"{name} is no JSON object with url, tags, author, licence.")
    return _known({str(key).casefold(): value for key, value in parsed.items()})


def _text(name: str, content: bytes) -> dict[str, Any]:
    """Lines as `url: https://...`; every other line is a tag, an address alone is the url."""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise SidecarError(f"{name} is not UTF-8.") from None
    said: dict[str, Any] = {}
    tags: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        named = _LINE.fullmatch(line)
        key = named[1].casefold() if named is not None else ""
        if named is not None and any(key in names for names in _KEYS.values()):
            if key in _KEYS["tags"]:
                tags += _split(named[2])
            else:
                said[key] = named[2]
        elif line.startswith(("http://", "https://")):
            said.setdefault("url", line)
        else:
            tags.append(line)
    return _known(said) | ({"tags": tags} if tags else {})


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for field, names in _KEYS.items():
        value = next((said[each] for each in names if said.get(each)), None)
        if field == "tags" and value is not None:
            value = _split(value) if isinstance(value, str) else value
            value = value if isinstance(value, list) else []
        if value is not None:
            found[field] = value
    return found


def _split(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"[|,;]", text)]
