"""The door: pictures that were taken down do not come back, by whatever way in."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Text, bindparam, select, text, update
from sqlalchemy.orm import Session

from app.db.tables import Erasure, Image, Project
from app.domain.takedown import ERASED, TAKEN_DOWN, address_key
from app.usecases.takedowns.erase import erase_later

SENTENCES = {
    TAKEN_DOWN: (
        "This picture was taken down here and is refused whenever it comes. Leave it out; the "
        "project lead can lift the takedown if it was a mistake."
    ),
    ERASED: (
        "These bytes were just being erased, because nobody had the picture any more. Send it again."
    ),
}


@dataclass(frozen=True)
class Arriving:
    """A picture whose bytes are stored and that has no row yet.

    `is_stored` tells whether the bytes are still there.
    """

    sha256: str
    url: str | None
    is_stored: Callable[[], bool]

    @property
    def keys(self) -> list[str]:
        """What a tombstone may name of it."""
        return [self.sha256] if self.url is None else [self.sha256, address_key(self.url)]


@dataclass(frozen=True)
class Admitted:
    """Who may come in.

    Attributes:
        refused: The reason by place in the sequence; see SENTENCES.
        back: Hashes of pictures whose takedown was lifted: their rows are there already.
    """

    refused: dict[int, str]
    back: set[str]


def admit(session: Session, project: Project, arriving: Sequence[Arriving]) -> Admitted:
    """Refuse what was taken down; the bytes of that are erased after the commit."""
    keys = {key for each in arriving for key in each.keys}
    if not keys:
        return Admitted({}, set())
    # A takedown holds the project for update. Whoever comes before it is found by it, and whoever
    # comes after it waits here, and then sees its tombstones.
    session.execute(
        select(Project.id)
        .where(Project.id == project.id)
        .with_for_update(read=True, key_share=True)
    )
    rows = session.execute(_KNOWN, {"keys": list(keys), "project": project.id}).all()
    if not rows:
        return Admitted({}, set())
    shut = {row.key for row in rows if row.shut}
    erased = {row.key for row in rows if row.erased} - shut
    lifted = {row.key for row in rows if row.lifted} - shut
    # These bytes may be on their way out. Who erases them is waited for.
    session.execute(
        select(Erasure.sha256)
        .where(Erasure.sha256.in_(erased))
        .order_by(Erasure.sha256)
        .with_for_update()
    )
    refused = {}
    for place, each in enumerate(arriving):
        if not shut.isdisjoint(each.keys):
            refused[place] = TAKEN_DOWN
        elif each.sha256 in erased and not each.is_stored():
            refused[place] = ERASED
    # What was erased needs no erasing.
    down = {place for place, reason in refused.items() if reason == TAKEN_DOWN}
    erase_later(session, {arriving[place].sha256 for place in down})
    welcome = {each.sha256 for place, each in enumerate(arriving) if place not in refused}
    return Admitted(refused, _bring_back(session, project, welcome & lifted))


def addresses_shut(session: Session, project_id: int, urls: Collection[str]) -> set[str]:
    """Those of the addresses that were taken down, in the project or on the whole server."""
    keys = {url: address_key(url) for url in urls}
    where = {"keys": sorted(set(keys.values())), "project": project_id}
    shut = {row.key for row in session.execute(_KNOWN, where) if row.shut}
    return {url for url, key in keys.items() if key in shut}


# What is known of any of these keys: few rows, by two indexes, and most often none.
_KNOWN = text(
    """
    SELECT key, NOT lifted AND (project_id IS NULL OR project_id = :project) AS shut,
           lifted, false AS erased
    FROM tombstone WHERE key = ANY (:keys)
    UNION ALL
    SELECT sha256, false, false, true FROM erasure WHERE sha256 = ANY (:keys)
    """
).bindparams(bindparam("keys", type_=ARRAY(Text)))


def _bring_back(session: Session, project: Project, hashes: set[str]) -> set[str]:
    if not hashes:
        return set()
    return set(
        session.scalars(
            update(Image)
            .where(
                Image.project_id == project.id,
                Image.sha256.in_(hashes),
                Image.taken_down_at.is_not(None),
            )
            .values(taken_down_at=None)
            .returning(Image.sha256)
        )
    )
