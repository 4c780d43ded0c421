"""Pictures and where they came from."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.ingestion import ImageOutcome, SourceFacts

from .body import Body


class SourceIn(Body):
    """Where a picture came from. Leave out what is not known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://example.org/gentian.jpg",
                    "tags": ["flower", "alps"],
                    "author": "A. Botanist",
                    "licence": "CC BY 4.0",
                    "crawled_at": "2026-01-31T12:00:00Z",
                }
            ]
        },
    )
    url: str | None = None
    tags: list[str] = Field(default_factory=list)
    author: str | None = None
    licence: str | None = None
    crawled_at: datetime | None = None

    @property
    def facts(self) -> SourceFacts:
        """The same for the use cases, which check it."""
        return SourceFacts(self.url, tuple(self.tags), self.author, self.licence, self.crawled_at)


class SourceOut(BaseModel):
    """Where an image came from, as its crawler told."""

    url: str | None
    tags: list[str]
    author: str | None
    licence: str | None
    crawled_at: datetime | None


class ImageAnswerOut(BaseModel):
    """What became of one file."""

    filename: str
    outcome: ImageOutcome
    sha256: str | None
    reason: str | None = Field(default=None, examples=["truncated"])
    detail: str | None = Field(default=None, description="What is wrong and what to do")


class UploadAnswer(BaseModel):
    """The answer for each file, in the order they were sent, and the counts."""

    stored: int
    duplicate: int
    conflict: int
    rejected: int
    batch: int | None = Field(
        default=None, description="What `getBatch` reports on; none for examples"
    )
    images: list[ImageAnswerOut]


class ImageOut(BaseModel):
    """An image and where its pictures are."""

    sha256: str
    width: int
    height: int
    thumbnail_url: str
    screen_url: str
    original_url: str


class ImageDetailOut(ImageOut):
    """An image with its sources."""

    format: str
    size: int
    sources: list[SourceOut]
