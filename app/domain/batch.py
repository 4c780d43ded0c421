"""Batches: pictures that came together, and where their candidates stand until a round may ask."""

from enum import StrEnum

from app.domain.machine import advance


class BatchKind(StrEnum):
    """By which way in the pictures came."""

    UPLOAD = "upload"
    ARCHIVE = "archive"
    ADDRESSES = "addresses"
    SYNC = "sync"


class BatchState(StrEnum):
    """Where a batch stands. `open`: an upload, to which pictures keep coming."""

    OPEN = "open"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BatchEvent(StrEnum):
    """What can happen to a batch."""

    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "be cancelled"
    TRY_AGAIN = "be tried again"


_S, _E = BatchState, BatchEvent
TRANSITIONS = {
    (_S.OPEN, _E.FINISH): _S.DONE,
    (_S.QUEUED, _E.START): _S.RUNNING,
    (_S.QUEUED, _E.FAIL): _S.FAILED,
    (_S.QUEUED, _E.CANCEL): _S.CANCELLED,
    # A worker that takes over begins once more.
    (_S.RUNNING, _E.START): _S.RUNNING,
    (_S.RUNNING, _E.FINISH): _S.DONE,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
    # What it could not get.
    (_S.DONE, _E.TRY_AGAIN): _S.QUEUED,
    (_S.FAILED, _E.TRY_AGAIN): _S.QUEUED,
    (_S.CANCELLED, _E.TRY_AGAIN): _S.QUEUED,
}


class Moving(StrEnum):
    """What a worker does with the pictures of a batch that is withdrawn, or brought back."""

    LEAVING = "leaving"
    RETURNING = "returning"


# What is asked of a batch when pictures come.
TAKE = "take pictures"
# What is asked of it as a whole, whatever its state; a batch that is withdrawn keeps its state.
WITHDRAW = "be withdrawn"
RESTORE = "be brought back"
WITHDRAWN = "withdrawn"
# So many refused files of a batch are kept by name; the rest is counted.
MOST_TOLD = 1000


def next_state(state: BatchState, event: BatchEvent) -> BatchState:
    """The batch's state after `event`; raises TransitionError where there is none."""
    return advance(TRANSITIONS, "batch", state, event)


class Members(StrEnum):
    """What becomes of pictures that experts have answered about: they stay in the dataset or leave."""

    KEEP = "keep"
    END = "end"


class Standing(StrEnum):
    """Where a candidate stands.

    Only an open one may be proposed. That it is filtered is no standing: its domain score is below
    the project's threshold then, and the threshold moves.
    """

    NEW = "new"
    OPEN = "open"
    NEAR_DUPLICATE = "near_duplicate"
    QUARANTINED = "quarantined"
