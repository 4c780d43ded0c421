"""What a token brings in a day, held against its quota. Tokens without one are not counted."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import TokenUse
from app.domain.errors import QuotaSpentError
from app.domain.quota import Amount, Quota, until_tomorrow
from app.usecases.people import Principal


def check_quota(session: Session, caller: Principal, coming: Amount, now: datetime) -> None:
    """Refuse what would be too much before anybody decodes it. Nothing is written.

    Raises:
        QuotaSpentError: when it would be.
    """
    day = now.astimezone(UTC).date()
    used = session.execute(
        select(TokenUse.images, TokenUse.bytes).where(
            TokenUse.token_id == caller.token_id, TokenUse.day == day
        )
    ).one_or_none()
    images, size = (0, 0) if used is None else used
    _hold(caller.quota, Amount(images + coming.images, size + coming.bytes), now)


def count_use(session: Session, caller: Principal, coming: Amount, now: datetime) -> None:
    """Count what came, in the transaction of what was made of it.

    Comes late in it: requests with one token wait for one another from here on.

    Raises:
        QuotaSpentError: when it is too much; the transaction is to be rolled back.
    """
    row = insert(TokenUse).values(
        token_id=caller.token_id,
        day=now.astimezone(UTC).date(),
        images=coming.images,
        bytes=coming.bytes,
    )
    used = session.execute(
        row.on_conflict_do_update(
            index_elements=["token_id", "day"],
            set_={
                "images": TokenUse.images + row.excluded.images,
                "bytes": TokenUse.bytes + row.excluded.bytes,
            },
        ).returning(TokenUse.images, TokenUse.bytes)
    ).one()
    _hold(caller.quota, Amount(used.images, used.bytes), now)


def _hold(quota: Quota, used: Amount, now: datetime) -> None:
    exceeded = quota.exceeded(used)
    if exceeded is not None:
        raise QuotaSpentError(*exceeded, until_tomorrow(now))
