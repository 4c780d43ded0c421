"""Maps of rounds."""

from datetime import datetime

from pydantic import BaseModel, Field

from app.domain.embedding_map import PointKind


class MapColumn(BaseModel):
    """A column of the points."""

    name: str = Field(examples=["pca"])
    type: str = Field(
        description="As numpy writes it: little-endian floats or unsigned integers",
        examples=["<f4"],
    )
    width: int = Field(description="Values for each point")
    start: int = Field(description="Where the column begins, in bytes")


class MapKind(BaseModel):
    """What a number in the column `kind` means."""

    value: int
    name: str = Field(examples=["training"])


class MapCategory(BaseModel):
    """A category by its index in the points."""

    index: int
    name: str


class MapOut(BaseModel):
    """The map of a round: what its points mean, and where they are."""

    round: int
    made_at: datetime
    points: int = Field(description="How many are drawn")
    training: int = Field(description="Pictures that the round trained on; test pictures are none")
    proposed: int
    rejected: int = Field(description="Pictures that were rejected in rounds before")
    others: int = Field(
        description="Other candidates, of which a sample is drawn where there is room"
    )
    variance: list[float] = Field(description="The share of the variance along the axes of the PCA")
    columns: list[MapColumn]
    kinds: list[MapKind]
    categories: list[MapCategory]
    points_path: str = Field(description="The columns, one after the other; they never change")
    images_path: str = Field(
        description="The SHA-256 of each picture, 32 bytes each, in the order of the points"
    )
    answers_path: str = Field(
        description="What was answered since: indices (<u4), categories (<u2) and kinds (<u1) of "
        "the points that were, 7 bytes each in all"
    )

    @staticmethod
    def kinds_of() -> list[MapKind]:
        """Every kind."""
        return [MapKind(value=kind.value, name=kind.name.lower()) for kind in PointKind]
