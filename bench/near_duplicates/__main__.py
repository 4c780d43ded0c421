"""How well near-duplicates are found: `python -m bench.near_duplicates --images DIR --weights FILE --json`.

The pictures under --images, a folder for each class, become the pool of a project, and the product's
own screening looks at them in a real PostgreSQL: what it merges is counted and listed, within a class
and across. Then some pictures are altered in every way of `altered.py` and looked up as if they came
next: the recall is the share for which the original was found. --tuned classes, the first, are those
that the thresholds were chosen on; they are reported apart. With --rows the search is also timed
among that many rows that lie as the real ones do.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Pillow
from sqlalchemy import make_url, select

from app.blobs import FolderBlobs, original_key
from app.db.session import Sessions, make_engine, make_sessions, transaction
from app.db.tables import Candidate, Image, Job, NearDuplicate, Project, User
from app.domain.job import JobKind, JobState
from app.domain.round import Policy, bucket_of
from app.pictures import PictureLimits, inspect
from app.settings import Settings
from bench.harness import arguments, report
from bench.near_duplicates import million
from bench.near_duplicates.altered import ALTERATIONS
from migrations.run import upgrade
from models.backbone import load_backbone
from models.features import extract
from vetted.embedded.postgres import Postgres
from workers import screen_pool
from workers.feature_store import FeatureStore
from workers.lookup import Look, Lookup, Subject
from workers.runner import Workbench, run_one

_LIMITS = PictureLimits()
_BLOCK = 256


@dataclass(frozen=True)
class Picture:
    """One of the pool."""

    image_id: int
    sha256: str
    label: str
    file: Path


class NoJobs:
    """Nobody is sent anything: the jobs are done here."""

    def send(self, job_id: int, kind: JobKind) -> bool:
        """See `app.jobs.Jobs`."""
        del job_id, kind
        return True


def main() -> None:
    """Measure, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, Postgres(Path(folder) / "db") as server:
        upgrade(server.url)
        plain = make_url(server.url).set(drivername="postgresql")
        result = measure(
            options, server.url, plain.render_as_string(hide_password=False), Path(folder)
        )
        report(result, alone=options.json)


def measure(options: argparse.Namespace, url: str, plain: str, folder: Path) -> dict[str, Any]:
    """The result, by name."""
    weights = folder / "weights"
    weights.mkdir()
    shutil.copy(options.weights, weights / options.weights.name)
    settings = Settings(
        database_url=url,
        broker_url="redis://127.0.0.1:1/0",
        data_dir=folder,
        secret_key="k" * 40,
        weights_dir=weights,
    )
    engine = make_engine(url, connections=4)
    sessions = make_sessions(engine)
    bench = Workbench(settings, sessions, FolderBlobs(folder / "blobs"), NoJobs())
    project_id, pictures = fill(bench, options)
    began = time.monotonic()
    screen(bench, project_id)
    screening = time.monotonic() - began
    result: dict[str, Any] = {
        "pictures": len(pictures),
        "screening_ms_per_picture": round(1000 * screening / len(pictures), 2),
        **merges(sessions, pictures),
    }
    finder = Finder(bench, project_id, options)
    result |= finder.recall(pictures, options)
    if options.rows:
        features = finder.store.load([each.sha256 for each in pictures])
        hashes = [Look.at(Pillow.open(each.file).convert("RGB")).hash for each in pictures]
        result |= million.measure(sessions, plain, project_id, features, hashes, options.rows)
    engine.dispose()
    return result


def fill(bench: Workbench, options: argparse.Namespace) -> tuple[int, list[Picture]]:
    """A project whose pool the pictures are; gives its id."""
    files = sorted(options.images.glob("*/*.jpg"))[:: options.every]
    pictures = []
    with transaction(bench.sessions) as session:
        user = User(login="lea", name="Lea", password_hash="none", may_create_projects=True)  # noqa: S106
        session.add(user)
        session.flush()
        project = Project(
            slug="bench",
            name="Bench",
            policy=Policy.RESCORE,
            subsets=1,
            threshold=0.5,
            backbone=options.backbone,
            weights=options.weights.name,
            image_size=224,
            seed=0,
            created_by=user.id,
        )
        session.add(project)
        session.flush()
        known: set[str] = set()
        for file in files:
            data = file.read_bytes()
            facts = inspect(data, _LIMITS)
            if facts.sha256 in known:
                continue
            known.add(facts.sha256)
            bench.blobs.put(original_key(facts.sha256), data)
            image = Image(
                project_id=project.id,
                sha256=facts.sha256,
                format=facts.format,
                width=facts.width,
                height=facts.height,
                size=facts.bytes,
            )
            session.add(image)
            session.flush()
            session.add(
                Candidate(image_id=image.id, project_id=project.id, bucket=bucket_of(facts.sha256))
            )
            pictures.append(Picture(image.id, facts.sha256, file.parent.name, file))
        return project.id, pictures


def screen(bench: Workbench, project_id: int) -> None:
    """By the product's own job, in one turn."""
    screen_pool.TURN = float("inf")
    with transaction(bench.sessions) as session:
        job = Job(kind=JobKind.SCREEN_POOL, project_id=project_id, state=JobState.QUEUED)
        session.add(job)
        session.flush()
        job_id = job.id
    run_one(bench, job_id)
    with bench.sessions() as session:
        done = session.get_one(Job, job_id)
        if done.state != JobState.DONE:
            raise SystemExit(done.error)


def merges(sessions: Sessions, pictures: Sequence[Picture]) -> dict[str, Any]:
    """What was taken for one photograph among the pictures as they are."""
    by_id = {each.image_id: each for each in pictures}
    with sessions() as session:
        rows = session.scalars(select(NearDuplicate).order_by(NearDuplicate.image_id)).all()
    pairs = [(by_id[row.image_id], by_id[row.representative_id]) for row in rows]
    return {
        "merged": len(pairs),
        "merged_across_classes": sum(one.label != other.label for one, other in pairs),
        "pairs": [
            f"{one.label}/{one.file.name} {other.label}/{other.file.name}" for one, other in pairs
        ],
    }


class Finder:
    """Looks altered pictures up as if they came next; nothing is kept of them."""

    def __init__(self, bench: Workbench, project_id: int, options: argparse.Namespace) -> None:
        self._backbone = load_backbone(options.backbone, options.weights)
        self.store = FeatureStore(bench.sessions, bench.blobs, self._backbone.fingerprint)
        self._lookup = Lookup(bench.sessions, bench.blobs, self.store, project_id)
        with bench.sessions() as session:
            rows = session.execute(select(NearDuplicate.image_id, NearDuplicate.representative_id))
            self._speaks = dict(rows.all())

    def recall(self, pictures: Sequence[Picture], options: argparse.Namespace) -> dict[str, Any]:
        """By alteration: the shares found of the tuned classes' pictures and of the others'."""
        chosen = random.Random(options.seed).sample(pictures, min(options.sample, len(pictures)))  # noqa: S311
        labels = sorted({each.label for each in pictures})
        tuned = set(labels[: options.tuned])
        shares: dict[str, Any] = {}
        false, looked, spent = 0, 0, 0.0
        for name in ALTERATIONS:
            counts = {True: [0, 0], False: [0, 0]}
            for start in range(0, len(chosen), _BLOCK):
                block = chosen[start : start + _BLOCK]
                began = time.monotonic()
                found = self._found(block, name)
                spent += time.monotonic() - began
                for each in block:
                    alike = found.get(each.image_id, set())
                    right = self._group(each.image_id)
                    counts[each.label in tuned][0] += bool(alike & right)
                    counts[each.label in tuned][1] += 1
                    false += bool(alike - right)
                looked += len(block)
            shares[name] = {
                key: round(hit / count, 4) if count else None
                for key, (hit, count) in (("tuned", counts[True]), ("others", counts[False]))
            }
        return {
            "recall": shares,
            "altered": looked,
            "altered_that_also_found_another_group": false,
            "altering_embedding_and_looking_ms": round(1000 * spent / looked, 2),
        }

    def _group(self, image_id: int) -> set[int]:
        speaker = self._speaks.get(image_id, image_id)
        return {speaker, *(each for each, of in self._speaks.items() if of == speaker)}

    def _found(self, block: Sequence[Picture], name: str) -> dict[int, set[int]]:
        changed = [
            ALTERATIONS[name](
                Pillow.open(each.file).convert("RGB"),
                random.Random(f"{each.image_id} {name}"),  # noqa: S311
            )
            for each in block
        ]
        features = torch.cat(list(extract(self._backbone, changed)))
        # Below 0, so that nobody is taken for the original itself.
        subjects = [
            Subject(-1 - each.image_id, each.sha256, Look.at(picture))
            for each, picture in zip(block, changed, strict=True)
        ]
        self._lookup.prepare(self._backbone.fingerprint, features)
        found = self._lookup.alike(subjects, features)
        # Other altered pictures of the block are no news.
        return {
            -1 - image_id: {each.image_id for each in alike if each.image_id > 0}
            for image_id, alike in found.items()
        }


def _options() -> argparse.Namespace:
    parser = arguments("bench.near_duplicates", __doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--sample", type=int, default=300, help="pictures that are altered")
    parser.add_argument("--tuned", type=int, default=51, help="classes, the first ones")
    parser.add_argument("--every", type=int, default=1, help="take every n-th picture only")
    parser.add_argument("--rows", type=int, default=0, help="time the search among so many, too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
