"""The tables. Each constraint that guards a race says which.

All are imported here: foreign keys and migrations need the whole of the metadata.
"""

from .addresses import Address, Fetched, WebHost
from .base import Table
from .batches import Batch, BatchImage, BatchRefusal, WithdrawnImage
from .changes import CategoryChange
from .dataset import DatasetVersion, Example, HardNegative, VersionCategory
from .filters import CoarseFilter, Negative
from .imports import Import, ImportRefusal
from .jobs import Job
from .labeling import Contrast, Decision, Proposal, Tally
from .likenesses import Leak, Likeness, Neighbourhood
from .locations import SyncedObject
from .log import Event
from .maps import RoundMap
from .near_duplicates import NearDuplicate
from .people import ApiToken, TokenUse, User, WebSession
from .pictures import Candidate, Feature, FeatureShard, Image, Source
from .projects import Category, LookAlike, Project, ProjectMember
from .rounds import (
    ChosenExemplar,
    Confusion,
    Exemplar,
    ModelVersion,
    Round,
    RoundCategory,
    RoundEffort,
    RoundQuality,
)
from .takedowns import Erasure, Takedown, Tombstone
from .uploads import ResumableUpload
from .webhooks import Delivery, Webhook

__all__ = [
    "Address",
    "ApiToken",
    "Batch",
    "BatchImage",
    "BatchRefusal",
    "Candidate",
    "Category",
    "CategoryChange",
    "ChosenExemplar",
    "CoarseFilter",
    "Confusion",
    "Contrast",
    "DatasetVersion",
    "Decision",
    "Delivery",
    "Erasure",
    "Event",
    "Example",
    "Exemplar",
    "Feature",
    "FeatureShard",
    "Fetched",
    "HardNegative",
    "Image",
    "Import",
    "ImportRefusal",
    "Job",
    "Leak",
    "Likeness",
    "LookAlike",
    "ModelVersion",
    "NearDuplicate",
    "Negative",
    "Neighbourhood",
    "Project",
    "ProjectMember",
    "Proposal",
    "ResumableUpload",
    "Round",
    "RoundCategory",
    "RoundEffort",
    "RoundMap",
    "RoundQuality",
    "Source",
    "SyncedObject",
    "Table",
    "Takedown",
    "Tally",
    "TokenUse",
    "Tombstone",
    "User",
    "VersionCategory",
    "WebHost",
    "WebSession",
    "Webhook",
    "WithdrawnImage",
]
