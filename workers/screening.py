"""Screening: what happens to a candidate before a round may ask about it.

Candidates are taken in blocks, in the order in which they were stored. Each of STEPS looks at a
block and writes down what it found; then the block is published in one transaction, which the claim
guards. A killed worker loses one block, whose features are kept. One job at a time screens a
project (see `take_over_screening`), so what a step has looked up is still true when it is published.

Before the candidates come the examples that were added since: nothing in the pool may show what the
test split shows, and an example speaks for the candidates that show the same.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
from PIL.Image import Image
from sqlalchemy.orm import Session
from torch import Tensor

from app.db.filter_queries import filter_in_force
from app.db.session import transaction
from app.usecases.likeness import likenesses
from app.usecases.pool.screen_pool import Finding, count_new, next_new, publish_screened
from app.usecases.run_jobs import lock_owner
from models.backbone import Backbone
from workers.domain_score import score_domain
from workers.feature_store import FeatureStore
from workers.lookup import LANDMARKS, MANY, Look, Lookup, Subject
from workers.reading import embed, read
from workers.runner import Work
from workers.settling import Settled, settle_candidates, settle_examples

# What is published at once, and how long a step of a round may have to wait: some seconds.
BLOCK = 256
_THREADS = 2


@dataclass
class Block:
    """Candidates that are screened together.

    Attributes:
        findings: Those whose pictures can be read, in order of image id; steps write into them.
        features: Float [len(findings), D], of the project's backbone.
        looks: What was seen when the pictures were decoded, in the same order.
        unreadable: The others. They become open like any: a round tries again to read them.
        settled: Who shows the same photograph as another.
        filter_id: The coarse filter that was in force when they were scored.
    """

    findings: list[Finding]
    features: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    looks: list[Look] = field(default_factory=list)
    unreadable: list[Finding] = field(default_factory=list)
    settled: Settled = field(default_factory=Settled)
    filter_id: int | None = None


@dataclass
class Screening:
    """The screening of a project by a job, with a backbone: what the steps may use."""

    work: Work
    project_id: int
    backbone: Backbone

    def __post_init__(self) -> None:
        bench = self.work.bench
        self.store = FeatureStore(bench.sessions, bench.blobs, self.backbone.fingerprint)
        self.lookup = Lookup(bench.sessions, bench.blobs, self.store, self.project_id)
        self.done = 0
        self.total = 0

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Screen until nothing new is left, or `may_go_on` says no between two blocks.

        Raises:
            StaleAttemptError: the job was cancelled or taken over; what is published stays.
        """
        sessions = self.work.bench.sessions
        with sessions() as session:
            self.total = count_new(session, self.project_id)
        while may_go_on():
            self.progress()
            if not (self._examples() or self._candidates()):
                return

    def progress(self, within_block: int = 0, _of: int = 0) -> None:
        """Tell how many are looked at, new examples among them; more may have come meanwhile."""
        done = self.done + within_block
        self.work.heart.progress(done, max(done, self.total))

    def look_at(self, hashes: Sequence[str]) -> dict[str, Look]:
        """Decode pictures, each once, and store their features; those that cannot be read are left out."""
        blobs = self.work.bench.blobs
        looks: dict[str, Look] = {}

        def look(sha256: str, picture: Image) -> None:
            looks[sha256] = Look.at(picture)

        def read_again(sha256: str) -> None:
            picture = read(blobs, sha256)
            if picture is not None:
                look(sha256, picture)

        lost = embed(blobs, self.backbone, self.store, hashes, self.progress, look)
        # Features are shared with other projects and with earlier rounds.
        embedded = [each for each in hashes if each not in looks and each not in lost]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="look") as pool:
            for _ in pool.map(read_again, embedded):
                self.work.heart.check()
        return looks

    def _candidates(self) -> bool:
        """Screen one block of what is new; False when there is none."""
        sessions = self.work.bench.sessions
        with sessions() as session:
            block = Block(next_new(session, self.project_id, BLOCK))
        if not block.findings:
            return False
        for step in STEPS:
            step(self, block)
            self.work.heart.check()
        with transaction(sessions) as session:
            lock_owner(session, self.work.claim)
            in_force = filter_in_force(session, self.project_id)
            if block.filter_id != (in_force and in_force.id):
                return True  # a filter was made meanwhile, which will not look here again
            publish_screened(session, [*block.findings, *block.unreadable])
            self._publish(session, block.settled)
        self.done += len(block.findings) + len(block.unreadable)
        self._crowd()
        return True

    def _examples(self) -> bool:
        """Compare one block of new examples with the pool; False when there is none."""
        sessions = self.work.bench.sessions
        with sessions() as session:
            examples = likenesses.next_examples(session, self.project_id, BLOCK)
        if not examples:
            return False
        self.total += len(examples)
        self.lookup.forget_test()
        looks = self.look_at([each.sha256 for each in examples])
        subjects = [
            Subject(each.image_id, each.sha256, looks[each.sha256])
            for each in examples
            if each.sha256 in looks
        ]
        settled = Settled()
        if subjects:
            features = self.store.load([each.sha256 for each in subjects])
            self.lookup.prepare(self.backbone.fingerprint, features)
            settled = settle_examples(self.lookup, subjects, features)
        with transaction(sessions) as session:
            lock_owner(session, self.work.claim)
            self._publish(session, settled)
            likenesses.mark_examples(session, self.project_id, examples[-1].example_id)
        self.done += len(examples)
        self._crowd()
        return True

    def _publish(self, session: Session, settled: Settled) -> None:
        if settled.rows:
            likenesses.keep_likenesses(
                session, self.project_id, self.lookup.neighbourhood_id, settled.rows
            )
        likenesses.keep_near_duplicates(session, self.project_id, settled.near)
        likenesses.keep_leaks(session, self.project_id, settled.leaks)

    def _crowd(self) -> None:
        """Once there are many images, look for each among its neighbours only."""
        if not self.lookup.is_crowded():
            return
        with self.work.bench.sessions() as session:
            images = likenesses.coded(session, self.lookup.neighbourhood_id, 2 * MANY)
        late = set(self.store.missing([sha256 for _, sha256 in images]))
        images = [each for each in images if each[1] not in late]
        coding, rows = self.lookup.coded_again(images, LANDMARKS)
        with transaction(self.work.bench.sessions) as session:
            lock_owner(session, self.work.claim)
            self.lookup.keep_coding(session, coding, rows)


def read_features(screening: Screening, block: Block) -> None:
    """Embed what is not embedded yet; what cannot be read is set aside."""
    looks = screening.look_at([each.sha256 for each in block.findings])
    block.unreadable = [each for each in block.findings if each.sha256 not in looks]
    block.findings = [each for each in block.findings if each.sha256 in looks]
    block.looks = [looks[each.sha256] for each in block.findings]
    if block.findings:
        block.features = screening.store.load([each.sha256 for each in block.findings])


def find_likenesses(screening: Screening, block: Block) -> None:
    """Find near-duplicates, and what the test split shows."""
    if not block.findings:
        return
    subjects = [
        Subject(each.image_id, each.sha256, look)
        for each, look in zip(block.findings, block.looks, strict=True)
    ]
    screening.lookup.prepare(screening.backbone.fingerprint, block.features)
    block.settled = settle_candidates(screening.lookup, subjects, block.features)


Step = Callable[[Screening, Block], None]
STEPS: tuple[Step, ...] = (read_features, find_likenesses, score_domain)
