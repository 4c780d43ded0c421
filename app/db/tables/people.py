"""Who may do what: users, their sessions and their keys."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table, created, row_id


class User(Table):
    """A person or a program with a login."""

    __tablename__ = "user"
    id: Mapped[int] = row_id()
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    may_create_projects: Mapped[bool] = mapped_column(server_default="false")
    disabled_at: Mapped[datetime | None]
    # What they chose for the pages; see domain.preferences.
    preferences: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = created()


class WebSession(Table):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "web_session"
    id: Mapped[int] = row_id()
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = created()


class ApiToken(Table):
    """A key for programs. Only its hash is kept; its scopes limit what its user's role allows."""

    __tablename__ = "api_token"
    id: Mapped[int] = row_id()
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    # What it may bring in a day; None is no limit.
    most_images: Mapped[int | None]
    most_bytes: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()


class TokenUse(Table):
    """What a token with a quota brought on a day (UTC)."""

    __tablename__ = "token_use"
    # Two requests with one token at once: the second waits here and then counts on.
    token_id: Mapped[int] = mapped_column(
        ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    images: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
