"""A step of screening: the coarse filter in force says how likely a new candidate is in the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.db.filter_queries import filter_in_force
from models import coarse_filter
from workers.runner import JobFailedError

if TYPE_CHECKING:
    from app.blobs import Blobs
    from app.db.tables import CoarseFilter
    from workers.screening import Block, Screening


def score_domain(screening: Screening, block: Block) -> None:
    """Score a block; without a filter for this backbone nothing is scored, and nothing filtered."""
    bench = screening.work.bench
    with bench.sessions() as session:
        of = filter_in_force(session, screening.project_id)
    block.filter_id = None if of is None else of.id
    if of is None or of.fingerprint != screening.backbone.fingerprint or not block.findings:
        return
    scores = stored_filter(bench.blobs, of).scores(block.features)
    for finding, score in zip(block.findings, scores.tolist(), strict=True):
        finding.domain_score, finding.filter_id = score, of.id


def stored_filter(blobs: Blobs, of: CoarseFilter) -> coarse_filter.CoarseFilter:
    """The filter of a row.

    Raises:
        JobFailedError: when its file is gone or damaged; says what to do.
    """
    try:
        return coarse_filter.from_bytes(blobs.get(of.blob_key or ""))
    except KeyError as error:
        raise JobFailedError("The file of the coarse filter is gone. Train it again.") from error
    except ValueError as error:
        raise JobFailedError(str(error)) from error
