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
