"""Passwords, tokens and their hashes; and secrets that are read again, which are sealed."""

import base64
import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_HASHER = PasswordHasher()
# Verified when there is no such user, so that an unknown login takes as long as a wrong password.
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """An argon2id hash with its salt and parameters."""
    return _HASHER.hash(password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash; False for None, after the same work."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    """256 random bits as text for a header or a cookie."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """SHA-256: enough for a token of full entropy, and quick enough for each request."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(secret_key: str, session_token: str) -> str:
    """The form token of one session: known only to pages that this server rendered for it."""
    return hmac.new(secret_key.encode(), session_token.encode(), hashlib.sha256).hexdigest()


class SealBrokenError(Exception):
    """What was sealed cannot be read: the operator's secret key is another one now."""


def seal(secret_key: str, text: str) -> str:
    """The text, encrypted and authenticated, for the database: a copy of that alone reveals nothing."""
    return _sealer(secret_key).encrypt(text.encode()).decode()


def unseal(secret_key: str, sealed: str) -> str:
    """The text again.

    Raises:
        SealBrokenError: when it was sealed with another key.
    """
    try:
        return _sealer(secret_key).decrypt(sealed).decode()
    except InvalidToken:
        raise SealBrokenError from None


def _sealer(secret_key: str) -> Fernet:
    # A key of its own: forms are signed with the operator's, and neither use may help the other.
    derived = HKDF(SHA256(), length=32, salt=None, info=b"vetted sealed secrets")
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret_key.encode())))
