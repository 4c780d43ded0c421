"""Screening: what happens to a candidate before a round may ask about it.

Candidates are taken in blocks, in the order in which they were stored. Each of STEPS looks at a
block and writes down what it found; then the block is published in one transaction, which the claim
guards. A killed worker loses one block, whose features are kept. One job at a time screens a
project (see `take_over_screening`), so what a step has looked up is still true when it is published.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.db.filter_queries import filter_in_force
from app.db.session import transaction
from app.usecases.run_jobs import lock_owner
from app.usecases.screen_pool import Finding, count_new, next_new, publish_screened
from models.backbone import Backbone
from workers.domain_score import score_domain
from workers.feature_store import FeatureStore
from workers.reading import embed
from workers.runner import Work

# What is published at once, and how long a step of a round may have to wait: some seconds.
BLOCK = 256


@dataclass
class Block:
    """Candidates that are screened together.

    Attributes:
        findings: Those whose pictures can be read, in order of image id; steps write into them.
        features: Float [len(findings), D], of the project's backbone.
        unreadable: The others. They become open like any: a round tries again to read them.
        filter_id: The coarse filter that was in force when they were scored.
    """

    findings: list[Finding]
    features: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    unreadable: list[Finding] = field(default_factory=list)
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
            with sessions() as session:
                block = Block(next_new(session, self.project_id, BLOCK))
            if not block.findings:
                return
            for step in STEPS:
                step(self, block)
                self.progress()
            with transaction(sessions) as session:
                lock_owner(session, self.work.claim)
                in_force = filter_in_force(session, self.project_id)
                if block.filter_id != (in_force and in_force.id):
                    continue  # a filter was made meanwhile, which will not look here again
                publish_screened(session, [*block.findings, *block.unreadable])
            self.done += len(block.findings) + len(block.unreadable)
            self.progress()

    def progress(self, within_block: int = 0, _of: int = 0) -> None:
        """Tell how many are screened; more may have come meanwhile."""
        done = self.done + within_block
        self.work.heart.progress(done, max(done, self.total))


def read_features(screening: Screening, block: Block) -> None:
    """Embed what is not embedded yet; what cannot be read is set aside."""
    hashes = [each.sha256 for each in block.findings]
    blobs = screening.work.bench.blobs
    lost = embed(blobs, screening.backbone, screening.store, hashes, screening.progress)
    block.unreadable = [each for each in block.findings if each.sha256 in lost]
    block.findings = [each for each in block.findings if each.sha256 not in lost]
    if block.findings:
        block.features = screening.store.load([each.sha256 for each in block.findings])


Step = Callable[[Screening, Block], None]
STEPS: tuple[Step, ...] = (read_features, score_domain)
