"""Groups of near-duplicates."""

from pydantic import BaseModel, Field

from app.domain.decision import Answer

from .images import ImageOut


class MembershipOut(BaseModel):
    """That an image is an example (yes) or a hard negative (no) of a category."""

    answer: Answer
    category: str
    inherited: bool = Field(description="Decided about its representative, and held for both")


class NearDuplicateOut(BaseModel):
    """An image of the same photograph as the representative."""

    image: ImageOut
    hash_distance: int = Field(description="Bits in which the perceptual hashes differ")
    similarity: float = Field(description="Cosine of the embeddings")
    detached: bool = Field(description="A lead said that it is another photograph")
    memberships: list[MembershipOut]


class DuplicateGroupOut(BaseModel):
    """Images of one photograph: rounds ask about the representative, for all of them."""

    id: int
    representative: ImageOut
    memberships: list[MembershipOut]
    members: list[NearDuplicateOut]


class DuplicateGroupPage(BaseModel):
    """A part of the groups, the newest first. Ask again with `before=next` for what follows."""

    groups: list[DuplicateGroupOut]
    next: int | None
