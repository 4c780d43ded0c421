"""Names of folders that every file system takes and none confuses."""

import re
import unicodedata
from collections.abc import Iterable

# Characters: up to four bytes each and a number stay within the 255 bytes of common file systems.
_LONGEST = 60
# Windows opens a device for these, whatever follows the first dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3])(\.|$)", re.IGNORECASE)


def folder_names(names: Iterable[str]) -> list[str]:
    """A folder name for each name, in order: no two the same to a file system that ignores case.

    Letters and digits of every script stay, in their composed form: macOS takes "é" and "e" with
    an accent for one name. The rest becomes "_", so that no name leads out of an archive.
    """
    taken: set[str] = set()
    folders = []
    for number, name in enumerate(names, start=1):
        composed = unicodedata.normalize("NFC", name)
        folder = re.sub(r"[^\w.-]+", "_", composed)[:_LONGEST].strip("._-") or "category"
        if _DEVICE.match(folder):
            folder = f"category-{folder}"
        if _folded(folder) in taken:
            folder = f"{folder}-{number}"
        taken.add(_folded(folder))
        folders.append(folder)
    return folders


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
