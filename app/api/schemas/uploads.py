"""Archives that come in pieces."""

from datetime import datetime

from pydantic import BaseModel, Field


class UploadOut(BaseModel):
    """An archive on its way, or arrived."""

    id: str
    filename: str
    length: int = Field(description="Bytes in all")
    offset: int = Field(description="Bytes that are safe: go on there")
    expires_at: datetime = Field(description="Forgotten then, unless more comes")
    batch_id: int | None = Field(description="What came of it, once it is whole: see `getBatch`")
