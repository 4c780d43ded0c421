"""Slows down those who guess passwords."""

import hashlib
from dataclasses import dataclass

import structlog
from redis import Redis
from redis.exceptions import RedisError

from app.domain.errors import TooManyAttemptsError

log = structlog.get_logger()

WINDOW = 300
"""Seconds for which failures are remembered."""
MOST_PER_LOGIN = 10
MOST_PER_ADDRESS = 100
"""Higher: a whole institute may sit behind one address."""


@dataclass(frozen=True)
class Attempt:
    """Keys of the two counters that one attempt to sign in falls under."""

    login_key: str
    address_key: str

    @classmethod
    def of(cls, login: str, address: str) -> "Attempt":
        """An attempt for `login` from `address`; hashed, because strangers choose both."""
        return cls(_key("login", login.strip().lower()), _key("address", address))


def _key(kind: str, value: str) -> str:
    return f"vetted:sign-in:{kind}:{hashlib.sha256(value.encode()).hexdigest()}"


def begin(redis: Redis, attempt: Attempt) -> None:
    """Count the attempt before the password is looked at, so that parallel guesses cannot slip by.

    Raises:
        TooManyAttemptsError: when one of the counters is full. Without Redis everybody may try:
            the password hash is slow by itself, and nobody should be locked out by our outage.
    """
    try:
        limits = ((attempt.login_key, MOST_PER_LOGIN), (attempt.address_key, MOST_PER_ADDRESS))
        for key, most in limits:
            number, seconds = _count(redis, key)
            if number > most:
                raise TooManyAttemptsError(max(seconds, 1))
    except RedisError as error:
        log.warning("sign-in is not throttled: the broker does not answer", error=str(error))


def _count(redis: Redis, key: str) -> tuple[int, int]:
    """Add one; give the count and the seconds until it is forgotten."""
    with redis.pipeline(transaction=True) as pipe:
        # The key gets its end before its first count: no crash in between leaves it for ever.
        pipe.set(key, 0, ex=WINDOW, nx=True)
        pipe.incr(key)
        pipe.ttl(key)
        _, number, seconds = pipe.execute()
    return int(number), int(seconds)


def succeed(redis: Redis, attempt: Attempt) -> None:
    """Take the attempt back: only failures count."""
    try:
        with redis.pipeline(transaction=True) as pipe:
            pipe.delete(attempt.login_key)
            pipe.decr(attempt.address_key)
            pipe.expire(attempt.address_key, WINDOW)
            pipe.execute()
    except RedisError as error:
        log.warning("sign-in is not throttled: the broker does not answer", error=str(error))
