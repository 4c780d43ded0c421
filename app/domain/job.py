"""The life of a piece of background work. The table of jobs is the truth; the broker only carries ids."""

from datetime import timedelta
from enum import StrEnum

from app.domain.machine import advance


class JobKind(StrEnum):
    """What workers do."""

    EMBED_POOL = "embed_pool"
    TRAIN_ROUND = "train_round"
    SCORE_POOL = "score_pool"
    DERIVE_PICTURES = "derive_pictures"
    DRAW_MAP = "draw_map"
    IMPORT_IMAGES = "import_images"
    INGEST_ARCHIVE = "ingest_archive"
    FETCH_ADDRESSES = "fetch_addresses"
    SYNC_LOCATION = "sync_location"
    SCREEN_POOL = "screen_pool"
    TRAIN_FILTER = "train_filter"
    MOVE_BATCH = "move_batch"


class Queue(StrEnum):
    """Which workers do it. Only `compute` loads torch.

    `ingest` is for work that brings pictures in and may take days: nothing that somebody waits for
    stands in line behind it. `light` has what takes seconds, and the clock.
    """

    COMPUTE = "compute"
    INGEST = "ingest"
    LIGHT = "light"


QUEUE_OF = {
    JobKind.EMBED_POOL: Queue.COMPUTE,
    JobKind.TRAIN_ROUND: Queue.COMPUTE,
    JobKind.SCORE_POOL: Queue.COMPUTE,
    JobKind.DERIVE_PICTURES: Queue.LIGHT,
    JobKind.DRAW_MAP: Queue.COMPUTE,
    JobKind.IMPORT_IMAGES: Queue.INGEST,
    JobKind.INGEST_ARCHIVE: Queue.INGEST,
    JobKind.FETCH_ADDRESSES: Queue.INGEST,
    JobKind.SYNC_LOCATION: Queue.INGEST,
    JobKind.SCREEN_POOL: Queue.COMPUTE,
    JobKind.TRAIN_FILTER: Queue.COMPUTE,
    JobKind.MOVE_BATCH: Queue.LIGHT,
}


# What labelers wait for. Other work on the same queue gives way to it.
STEPS = (JobKind.EMBED_POOL, JobKind.TRAIN_ROUND, JobKind.SCORE_POOL)


class Owner(StrEnum):
    """What a job belongs to."""

    ROUND = "round"
    IMPORT = "import"
    BATCH = "batch"
    PROJECT = "project"


OWNER_OF = {
    JobKind.EMBED_POOL: Owner.ROUND,
    JobKind.TRAIN_ROUND: Owner.ROUND,
    JobKind.SCORE_POOL: Owner.ROUND,
    JobKind.DERIVE_PICTURES: Owner.ROUND,
    JobKind.DRAW_MAP: Owner.ROUND,
    JobKind.IMPORT_IMAGES: Owner.IMPORT,
    JobKind.INGEST_ARCHIVE: Owner.BATCH,
    JobKind.FETCH_ADDRESSES: Owner.BATCH,
    JobKind.SYNC_LOCATION: Owner.BATCH,
    JobKind.SCREEN_POOL: Owner.PROJECT,
    JobKind.TRAIN_FILTER: Owner.PROJECT,
    JobKind.MOVE_BATCH: Owner.BATCH,
}


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobEvent(StrEnum):
    """What can happen to a job."""

    CLAIM = "be claimed"
    FINISH = "finish"
    LAPSE = "lapse"
    GIVE_WAY = "give way"
    FAIL = "fail"
    CANCEL = "be cancelled"


_S, _E = JobState, JobEvent
TRANSITIONS = {
    (_S.QUEUED, _E.CLAIM): _S.RUNNING,
    (_S.RUNNING, _E.FINISH): _S.DONE,
    (_S.RUNNING, _E.LAPSE): _S.QUEUED,
    (_S.RUNNING, _E.GIVE_WAY): _S.QUEUED,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.QUEUED, _E.FAIL): _S.FAILED,
    (_S.QUEUED, _E.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
}

# A worker beats every few seconds. One that misses several beats is dead or cut off; the job goes
# back to the queue, and the attempt number keeps the old worker, should it wake, from publishing.
HEARTBEAT = timedelta(seconds=2)
LEASE = timedelta(seconds=12)
MAX_ATTEMPTS = 5
# How long a step of a round may wait for a worker before other work gives way.
PATIENCE = timedelta(seconds=3)
# A queued job whose message has not led to a claim for this long is sent again.
RESEND_AFTER = timedelta(seconds=10)


def next_state(state: JobState, event: JobEvent) -> JobState:
    """The job's state after `event`; raises TransitionError where there is none."""
    return advance(TRANSITIONS, "job", state, event)
