"""`vetted filter negatives`: pictures out of a project's domain, a lead's own or a generic set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from vetted.client import Client, Patience
from vetted.demo.folder import SUFFIXES, pictures_below

GENERIC = "Caltech-101"
LICENCE = "CC BY 4.0"
_SOURCE = {
    "url": "https://data.caltech.edu/records/mzrjq-6wc02",
    "author": "Fei-Fei Li, Marco Andreeto, Marc'Aurelio Ranzato, Pietro Perona",
    "licence": LICENCE,
}
_CLASSES = Path("caltech101", "101_ObjectCategories")
_MOST = 16  # pictures in one request
_BYTES = 20_000_000  # in one request, unless one picture alone has more


@dataclass(frozen=True)
class Generic:
    """The generic set, and what of it is wanted.

    Attributes:
        keep: The folder that holds it, or gets it.
        leave_out: Classes that belong to the project's domain.
        each: Pictures of each class, at most.
    """

    keep: Path
    leave_out: Sequence[str]
    each: int


def send_negatives(
    client: Client,
    project: str,
    given: Path | Generic,
    console: Console,
) -> Counter[str]:
    """Send a folder's pictures, or the generic set's; gives how many ended how.

    Raises:
        ValueError: when there is nothing to send, or the set cannot be had; says what to do.
        RefusedError: when the service refuses.
        BrokenOffError: when it was out of reach for too long.
    """
    if isinstance(given, Generic):
        files, fields = _generic(given, console), {"origin": "generic", "sources": _SOURCE}
    else:
        files, fields = _own(given), {"origin": "given"}
    counts: Counter[str] = Counter()
    patience = Patience(told=console.print)
    with Progress(console=console) as progress:
        task = progress.add_task("negatives", total=len(files))
        for some in _requests(files):
            answer: dict[str, Any] = patience(
                lambda: client.add_negatives(project, some, fields)  # noqa: B023 - called at once
            )
            for image in answer["images"]:
                counts[image["reason"] or image["outcome"]] += 1
            progress.advance(task, len(some))
    return counts


def _own(path: Path) -> list[Path]:
    files = [path] if path.is_file() and path.suffix.lower() in SUFFIXES else pictures_below(path)
    if not files:
        raise ValueError(
            f"There are no pictures in {path}. Name a folder of pictures, or one picture."
        )
    return files


def _generic(wanted: Generic, console: Console) -> list[Path]:
    """Downloaded by torchvision where it is not there yet, which checks what came."""
    root = wanted.keep / _CLASSES
    if not root.is_dir():
        console.print(f"Fetching {GENERIC} ({LICENCE}) into {wanted.keep} …")
        _download(wanted.keep)
    classes = {
        each.name: each for each in sorted(root.iterdir()) if each.is_dir() and _is_class(each)
    }
    unknown = sorted(set(wanted.leave_out) - classes.keys())
    if unknown:
        raise ValueError(
            f"{GENERIC} has no class {', '.join(unknown)}. Its classes are: {', '.join(classes)}."
        )
    kept = [folder for name, folder in classes.items() if name not in wanted.leave_out]
    files = [file for folder in kept for file in pictures_below(folder)[: wanted.each]]
    if not files:
        raise ValueError(
            f"There are no pictures below {root}. Remove the folder, then run it again."
        )
    return files


def _is_class(folder: Path) -> bool:
    # Whatever a search engine gave: it may well show the project's domain.
    return folder.name != "BACKGROUND_Google"


def _download(keep: Path) -> None:
    # Here and not above: it brings in torch.
    from models.vision import load_torchvision  # noqa: PLC0415

    try:
        load_torchvision().datasets.Caltech101(root=keep, download=True)
    except (OSError, RuntimeError) as error:  # no network, no space, or a file with the wrong hash
        raise ValueError(
            f"{GENERIC} could not be downloaded ({error}). Connect this machine to the internet, or put "
            f"the unpacked set into {keep / _CLASSES}, one folder for each class, and run it again. "
            "Any folder of your own pictures does as well: vetted filter negatives PATH."
        ) from error


def _requests(files: Sequence[Path]) -> Iterator[list[Path]]:
    some: list[Path] = []
    size = 0
    for file in files:
        more = file.stat().st_size
        if some and (len(some) == _MOST or size + more > _BYTES):
            yield some
            some, size = [], 0
        some.append(file)
        size += more
    if some:
        yield some
