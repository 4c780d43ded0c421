"""What is written down about a project: who did what, and when."""

from enum import StrEnum


class Verb(StrEnum):
    """What somebody did."""

    CREATE_PROJECT = "create-project"
    CHANGE_PROJECT = "change-project"
    SET_MEMBER = "set-member"
    CREATE_CATEGORY = "create-category"
    CHANGE_CATEGORY = "change-category"
    DELETE_CATEGORY = "delete-category"
    SEED_EXAMPLES = "seed-examples"
    START_ROUND = "start-round"
    CLOSE_ROUND = "close-round"
    CANCEL_ROUND = "cancel-round"
    ROLL_BACK = "roll-back"
    EXPORT_DATASET = "export-dataset"
    EXPORT_MODEL = "export-model"
    SET_ASIDE = "set-aside"
    ADJUDICATE = "adjudicate"
    IMPORT_IMAGES = "import-images"
    CANCEL_IMPORT = "cancel-import"
    ADVANCE_ROUND = "advance-round"
    OPEN_ROUND = "open-round"
    FAIL_ROUND = "fail-round"
    IMPORT_CATEGORIES = "import-categories"
    RENAME_CATEGORY = "rename-category"
    MERGE_CATEGORIES = "merge-categories"
    SPLIT_CATEGORY = "split-category"
    RETIRE_CATEGORY = "retire-category"
    UNDO_CATEGORY_CHANGE = "undo-category-change"
    CREATE_WEBHOOK = "create-webhook"
    CHANGE_WEBHOOK = "change-webhook"
    DELETE_WEBHOOK = "delete-webhook"
    TEST_WEBHOOK = "test-webhook"
    SEND_AGAIN = "send-again"
    DISABLE_WEBHOOK = "disable-webhook"
    DETACH_NEAR_DUPLICATE = "detach-near-duplicate"
    ATTACH_NEAR_DUPLICATE = "attach-near-duplicate"
    SEND_ARCHIVE = "send-archive"
    TAKE_DOWN = "take-down"
    LIFT_TAKEDOWN = "lift-takedown"
    CREATE_BATCH = "create-batch"
    FINISH_BATCH = "finish-batch"
    CANCEL_BATCH = "cancel-batch"
    WITHDRAW_BATCH = "withdraw-batch"
    RESTORE_BATCH = "restore-batch"
    FETCH_ADDRESSES = "fetch-addresses"
    FETCH_AGAIN = "fetch-again"
    ADD_NEGATIVES = "add-negatives"
    REMOVE_NEGATIVE = "remove-negative"
    TRAIN_FILTER = "train-filter"
    UPLOAD_FILTER = "upload-filter"
    MOVE_THRESHOLD = "move-threshold"
    SYNC_LOCATION = "sync-location"
    RELEASE_LEAK = "release-leak"
    QUARANTINE_LEAK = "quarantine-leak"
    CANCEL_FILTER = "cancel-filter"


class Actor(StrEnum):
    """What kind of somebody did it. Only a person has a login."""

    PERSON = "person"
    OPERATOR = "operator"
    SYSTEM = "system"


# Done by workers alone, whoever set them to work.
BY_SYSTEM = frozenset({Verb.ADVANCE_ROUND, Verb.OPEN_ROUND, Verb.FAIL_ROUND, Verb.DISABLE_WEBHOOK})


def actor_of(verb: Verb, user_id: int | None) -> Actor:
    """Who did what was written down so: without a user, the verb tells."""
    if user_id is not None:
        return Actor.PERSON
    return Actor.SYSTEM if verb in BY_SYSTEM else Actor.OPERATOR
