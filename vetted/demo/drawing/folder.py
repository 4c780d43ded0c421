"""Writes the drawn pictures as an image folder, on all cores."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from vetted.demo.drawing.catalogue import SPECIES
from vetted.demo.drawing.distractors import draw_distractor
from vetted.demo.drawing.scene import draw

DISTRACTORS = "_distractors"
"""Folder of the pictures that belong to no category; no slug starts with an underscore."""

_BATCH = 16
_QUALITY = 88


@dataclass(frozen=True)
class _Batch:
    """Consecutive pictures of one folder; ``species`` is an index, or None for distractors."""

    folder: Path
    species: int | None
    start: int
    stop: int
    seed: int


def write_folder(
    root: Path,
    *,
    per_category: int,
    distractors: int,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
    processes: int | None = None,
) -> None:
    """Draw a collection to label.

    Writes ``root/<slug>/0001.jpg`` and so on for each species, ``root/_distractors/0001.jpg`` and so on, and,
    last, so that it marks a finished folder, ``root/categories.json``: a list of objects with ``folder``,
    ``name``, ``scientific_name``, ``definition`` and ``look_alikes`` (names).

    Args:
        root: The folder to write to; made if missing.
        per_category: Pictures of each species, at least 1.
        distractors: Pictures of other things.
        progress: Called in this process with (pictures written, pictures in all).
        seed: Another seed draws other pictures of the same species.
        processes: Processes to draw in; all cores by default, none of its own when 1.

    Raises:
        ValueError: A count is out of range.
    """
    if per_category < 1 or distractors < 0:
        raise ValueError("per_category must be at least 1 and distractors at least 0")
    batches = _batches(root, per_category, distractors, seed)
    total = len(SPECIES) * per_category + distractors
    done = 0
    for written in _run(batches, processes or os.cpu_count() or 1):
        done += written
        if progress is not None:
            progress(done, total)
    text = json.dumps(_categories(), indent=2, ensure_ascii=False)
    (root / "categories.json").write_text(text + "\n", encoding="utf-8")


def _categories() -> list[dict[str, object]]:
    return [
        {
            "folder": s.slug,
            "name": s.name,
            "scientific_name": s.scientific_name,
            "definition": s.definition,
            "look_alikes": list(s.look_alikes),
        }
        for s in SPECIES
    ]


def _batches(root: Path, per_category: int, distractors: int, seed: int) -> list[_Batch]:
    wanted = [(root / s.slug, i, per_category) for i, s in enumerate(SPECIES)]
    jobs: list[tuple[Path, int | None, int]] = [*wanted, (root / DISTRACTORS, None, distractors)]
    batches: list[_Batch] = []
    for folder, species, count in jobs:
        folder.mkdir(parents=True, exist_ok=True)
        batches.extend(
            _Batch(folder, species, start, min(count, start + _BATCH), seed)
            for start in range(0, count, _BATCH)
        )
    return batches


def _run(batches: list[_Batch], processes: int) -> Iterator[int]:
    """Write all batches, yielding the pictures in each as it is finished."""
    if processes == 1 or len(batches) == 1:
        yield from map(_write, batches)
        return
    # Spawned, not forked: the caller may have threads, whose locks a fork would copy in any state.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(batches)), mp_context=context) as pool:
        for future in as_completed([pool.submit(_write, batch) for batch in batches]):
            yield future.result()


def _write(batch: _Batch) -> int:
    for index in range(batch.start, batch.stop):
        if batch.species is None:
            image = draw_distractor(index, seed=batch.seed)
        else:
            image = draw(SPECIES[batch.species], index, seed=batch.seed)
        image.save(batch.folder / f"{index + 1:04d}.jpg", quality=_QUALITY)
    return batch.stop - batch.start
