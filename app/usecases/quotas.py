"""What a token brings in a day, held against its quota. Tokens without one are not counted."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.session import database_now
from app.db.tables import ApiToken, Batch, TokenUse
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
    _count(session, caller.token_id, caller.quota, coming, now)


def count_use_of_batch(session: Session, batch: Batch, coming: Amount) -> None:
    """The same for what a worker brings in, against the quota of the token that asked for it.

    Raises:
        QuotaSpentError: as `count_use`.
    """
    token = session.get(ApiToken, batch.token_id) if batch.token_id else None
    quota = Quota() if token is None else Quota(token.most_images, token.most_bytes)
    if not quota.is_none:
        _count(session, batch.token_id, quota, coming, database_now(session))


def _count(session: Session, token_id: int, quota: Quota, coming: Amount, now: datetime) -> None:
    row = insert(TokenUse).values(
        token_id=token_id,
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
    _hold(quota, Amount(used.images, used.bytes), now)


def _hold(quota: Quota, used: Amount, now: datetime) -> None:
    exceeded = quota.exceeded(used)
    if exceeded is not None:
        raise QuotaSpentError(*exceeded, until_tomorrow(now))
