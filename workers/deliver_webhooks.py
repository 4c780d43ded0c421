"""Webhooks go out: claim (transaction), call (none open), write down how it ended (transaction)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from random import random

import structlog
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.domain.webhook import Try, retry_after, signed
from app.outbound import Outbound, OutboundError
from app.settings import Settings
from app.usecases.deliver import Parcel, claim_deliveries, finish_delivery

log = structlog.get_logger()

AT_ONCE = 20

Clock = Callable[[Session], datetime]


def deliver_once(
    sessions: sessionmaker[Session],
    outbound: Outbound,
    settings: Settings,
    clock: Clock = database_now,
) -> int:
    """Try what is due, all at the same time; gives how many there were.

    A worker that dies in between leaves claims whose leases run out: they are tried again, under
    the same ids.
    """
    with transaction(sessions) as session:
        parcels = claim_deliveries(session, settings.secret_key, clock(session), AT_ONCE)
    if parcels:
        asyncio.run(_deliver(sessions, outbound, settings, parcels, clock))
    return len(parcels)


async def _deliver(
    sessions: sessionmaker[Session],
    outbound: Outbound,
    settings: Settings,
    parcels: Sequence[Parcel],
    clock: Clock,
) -> None:
    async def one(parcel: Parcel) -> None:
        with sessions() as session:
            now = clock(session)
        ended = await _try(outbound, parcel, parcel.content(settings.public_url), now)
        with transaction(sessions) as session:
            verdict = finish_delivery(session, parcel, ended, clock(session), random())  # noqa: S311 - spreads retries
        told = log.bind(message_id=parcel.message_id, status=ended.status, trouble=ended.trouble)
        told.info("webhook tried", verdict=verdict)

    await asyncio.gather(*map(one, parcels))


async def _try(outbound: Outbound, parcel: Parcel, content: bytes, now: datetime) -> Try:
    if parcel.secret is None:
        return Try()
    headers = {"Content-Type": "application/json"}
    headers |= signed(parcel.secret, parcel.message_id, now, content)
    try:
        answer = await outbound.send("POST", parcel.url, headers=headers, content=content)
    except OutboundError as error:
        return Try(trouble=error.trouble.value)
    return Try(status=answer.status, asked=retry_after(answer.headers, now))
