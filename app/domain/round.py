"""A round's life, and which candidates it visits."""

from enum import StrEnum

from app.domain.machine import advance


class RoundState(StrEnum):
    """Where a round stands. The first three are the machine's work, `labeling` the people's."""

    EMBEDDING = "embedding"
    TRAINING = "training"
    SCORING = "scoring"
    LABELING = "labeling"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class RoundEvent(StrEnum):
    """What can happen to a round."""

    EMBEDDED = "finish embedding"
    TRAINED = "finish training"
    SCORED = "finish scoring"
    CLOSE = "be closed"
    CANCEL = "be cancelled"
    FAIL = "fail"


_S, _E = RoundState, RoundEvent
TRANSITIONS = {
    (_S.EMBEDDING, _E.EMBEDDED): _S.TRAINING,
    (_S.TRAINING, _E.TRAINED): _S.SCORING,
    (_S.SCORING, _E.SCORED): _S.LABELING,
    (_S.LABELING, _E.CLOSE): _S.CLOSED,
    (_S.EMBEDDING, _E.CANCEL): _S.CANCELLED,
    (_S.TRAINING, _E.CANCEL): _S.CANCELLED,
    (_S.SCORING, _E.CANCEL): _S.CANCELLED,
    (_S.LABELING, _E.CANCEL): _S.CANCELLED,
    (_S.EMBEDDING, _E.FAIL): _S.FAILED,
    (_S.TRAINING, _E.FAIL): _S.FAILED,
    (_S.SCORING, _E.FAIL): _S.FAILED,
}

UNFINISHED = (_S.EMBEDDING, _S.TRAINING, _S.SCORING, _S.LABELING)


def next_state(state: RoundState, event: RoundEvent) -> RoundState:
    """The round's state after `event`; raises TransitionError where there is none."""
    return advance(TRANSITIONS, "round", state, event)


class Policy(StrEnum):
    """How rounds go through the pool."""

    DISJOINT = "disjoint"
    RESCORE = "rescore"


BUCKETS = 65_536


def bucket_of(sha256: str) -> int:
    """The first 16 bits of the content hash: a fixed, uniform place in 0..65535."""
    return int(sha256[:4], 16)


def buckets_visited(policy: Policy, subsets: int, ordinal: int) -> int:
    """How many buckets the `ordinal`-th completed-or-running round (1, 2, ...) reaches into.

    `disjoint` cuts the pool by content hash into `subsets` equal parts and round i takes what lies
    in the first i of them and was never visited: the paper's C_i, plus late arrivals of the parts
    before it, so that no candidate is stranded. `rescore` takes the whole pool each time.
    """
    if policy is Policy.RESCORE or ordinal >= subsets:
        return BUCKETS
    return BUCKETS * ordinal // subsets
