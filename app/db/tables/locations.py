"""What was synced from the operator's locations."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


class SyncedObject(Table):
    """What lay under a name of a location when a batch last read it.

    Size and stamp tell whether it is still the same: then nobody reads it again, not even what was
    rejected. `sha256` is that of its bytes, if they are a picture.
    """

    __tablename__ = "synced_object"
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    location: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    stamp: Mapped[str]
    sha256: Mapped[str | None]
    # Who takes over from a killed worker passes over what this batch has counted already.
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
