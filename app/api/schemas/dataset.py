"""S and H, and the versions that freeze them."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.db.version_diff import Change
from app.domain.dataset import Cause, Split
from app.export.formats import FORMATS, Format
from app.usecases.dataset.datasheet import Held, Limits, Origin, Share
from app.usecases.dataset.export_dataset import Wanted

from .body import Body
from .images import ImageOut


class ExampleOut(BaseModel):
    """An image in the dataset."""

    id: int
    image: ImageOut
    category: str
    split: Split
    provenance: str = Field(examples=["seed", "round 2"])
    from_version: int


class HardNegativeOut(BaseModel):
    """An image and the category that it is not."""

    id: int
    image: ImageOut
    category: str
    provenance: str
    from_version: int


class ExamplePage(BaseModel):
    """A part of the dataset. Ask again with `after=next` for what follows."""

    examples: list[ExampleOut]
    next: int | None


class HardNegativePage(BaseModel):
    """A part of the hard negatives. Ask again with `after=next` for what follows."""

    hard_negatives: list[HardNegativeOut]
    next: int | None


class DatasetVersionOut(BaseModel):
    """A frozen manifest."""

    number: int
    cause: Cause = Field(
        description="What made it; `edits` are what changes one by one between versions and no seed "
        "is among, `unknown` is of versions from before this was written down"
    )
    round: int | None = Field(description="The round that made it, if one did")
    restores: int | None = Field(description="The version that it brought back, if it did")
    content_hash: str
    examples: int
    hard_negatives: int
    created_at: datetime


class DatasheetOut(BaseModel):
    """What a version holds, where it comes from, and what is wanting.

    Pictures may have several licences and hosts, and count for each. The empty name stands for
    pictures of which none is known.
    """

    version: DatasetVersionOut
    categories: tuple[Held, ...]
    origins: tuple[Origin, ...]
    licences: tuple[Share, ...]
    hosts: tuple[Share, ...]
    limits: Limits
    taken_down: int = Field(description="Pictures that were taken down since: in no export of it")


class ChangeCount(BaseModel):
    """How many pictures of a category differ in this way."""

    category: str
    change: Change
    number: int


class ChangedPicture(BaseModel):
    """A picture whose place differs; `was_...` only where it moved."""

    sha256: str
    taken_down: bool = Field(description="It is gone since, and there is no picture to see")
    change: Change
    category: str
    split: Split | None
    was_category: str | None
    was_split: Split | None


class DiffOut(BaseModel):
    """What is in one version and not in another. Ask again with `skip=next` for what follows."""

    counts: list[ChangeCount]
    pictures: list[ChangedPicture]
    next: int | None


class RollBackEffect(BaseModel):
    """What going back to a version does to the dataset of now.

    An example that is of another category or split than it was leaves and comes back.
    """

    version: int
    examples_leave: int
    examples_return: int
    hard_negatives_leave: int
    hard_negatives_return: int
    to_pool: int = Field(description="Pictures that become candidates again")
    from_pool: int = Field(description="Candidates that become examples again")


class ExportQuery(Body):
    """What to take away, and as what. A filter that is left out leaves out nothing."""

    version: int | None = Field(default=None, description="Without it, the newest")
    format: Format = Field(
        default=Format.IMAGE_FOLDER,
        description=" ".join(f"`{name}`: {facts.says}" for name, facts in FORMATS.items()),
    )
    part: Wanted | None = Field(
        default=None,
        description="Without it everything, or the examples alone where a split is named",
    )
    split: list[Split] = Field(default=[], description="Of the examples; may be repeated")
    category: list[str] = Field(
        default=[], description="Names, as the version knows them; may be repeated"
    )
    licence: list[str] = Field(
        default=[],
        description="Pictures with a source of this licence; may be repeated. "
        "The empty text stands for pictures of which no licence is known",
    )
