"""Archives as people send them."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from tests.factories import paint

PICTURE = paint(0, 0)


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> BinaryIO:
    """A zip with these files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    made.seek(0)
    return made


def tarred(files: Mapping[str, bytes], mode: str = "w") -> BinaryIO:
    """A tar with these files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    made.seek(0)
    return made


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def flowers(count: int = 3) -> dict[str, bytes]:
    """An ImageFolder: two categories in train/, one picture of each in test/."""
    return {
        f"flowers/{'test' if index == 0 else 'train'}/{name}/{index}.jpg": paint(c, index)
        for c, name in enumerate(("Spring gentian", "Alpine_aster"))
        for index in range(count)
    }
