"""Imports of labelled pictures: the formats, what a lead chooses, and how an import lives."""

from enum import StrEnum

from app.domain.machine import advance


class ImportFormat(StrEnum):
    """How labelled pictures are laid out."""

    IMAGE_FOLDER = "imagefolder"
    CSV = "csv"
    COCO = "coco"
    FIFTYONE = "fiftyone"
    LABEL_STUDIO = "labelstudio"


class Into(StrEnum):
    """What the pictures become."""

    EXAMPLES = "examples"
    POOL = "pool"


class SplitBy(StrEnum):
    """Who decides a picture's split: the file where it says so, the project's rule, or the lead."""

    GIVEN = "given"
    RULE = "rule"
    TRAIN = "train"
    TEST = "test"


class Rest(StrEnum):
    """What becomes of pictures without a category, and of hard negatives."""

    SKIP = "skip"
    POOL = "pool"


class LeftOut(StrEnum):
    """Why a row of an import is left out before anybody looks at its picture."""

    NOT_IN_ARCHIVE = "not_in_archive"
    AMBIGUOUS = "ambiguous"
    SEVERAL_CATEGORIES = "several_categories"
    NO_CATEGORY = "no_category"
    HARD_NEGATIVE = "hard_negative"
    UNKNOWN_CATEGORY = "unknown_category"
    BAD_CATEGORY = "bad_category"
    NESTED_ARCHIVE = "nested_archive"
    NO_FILE = "no_file"
    DUPLICATE_NAME = "duplicate_name"
    DAMAGED_MEMBER = "damaged_member"
    FETCH_FAILED = "fetch_failed"


class ImportState(StrEnum):
    """Where an import stands. `ready`: uploaded and looked at, nothing is written yet."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportEvent(StrEnum):
    """What can happen to an import."""

    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "be cancelled"


_S, _E = ImportState, ImportEvent
TRANSITIONS = {
    (_S.READY, _E.START): _S.RUNNING,
    (_S.READY, _E.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _E.FINISH): _S.DONE,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
}

# So many refused files are kept by name; the rest is counted.
MOST_TOLD = 1000


def next_state(state: ImportState, event: ImportEvent) -> ImportState:
    """The import's state after `event`; raises TransitionError where there is none."""
    return advance(TRANSITIONS, "import", state, event)
