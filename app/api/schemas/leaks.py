"""Leaks of the test split."""

from pydantic import BaseModel, Field

from .images import ImageOut


class LeakOut(BaseModel):
    """A candidate that nearly is a picture of the test split."""

    image: ImageOut
    test_image: ImageOut
    category: str | None = Field(description="What the test picture is an example of")
    hash_distance: int = Field(description="Bits in which the perceptual hashes differ")
    similarity: float = Field(description="Cosine of the embeddings")
    released: bool = Field(description="A lead said that it is another photograph")


class LeakPage(BaseModel):
    """A part of the leaks, the newest first. Ask again with `before=next` for what follows."""

    leaks: list[LeakOut]
    next: int | None
