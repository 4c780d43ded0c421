"""Users, tokens, sessions and memberships."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Select, and_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import ApiToken, Project, ProjectMember, User, WebSession
from app.domain.access import RULES, Right, Role, Scope, allowed
from app.domain.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    NotSignedInError,
    TakenError,
)
from app.domain.names import check_login, check_name, check_password
from app.domain.quota import UNLIMITED, Quota
from app.secrets import hash_password, hash_token, new_token, password_matches

SESSION_LIFE = timedelta(days=14)


@dataclass(frozen=True)
class Principal:
    """Who calls, and with which scopes."""

    user_id: int
    login: str
    name: str
    may_create_projects: bool
    scopes: frozenset[Scope]
    # 0 for a browser's session.
    token_id: int = 0
    quota: Quota = UNLIMITED


@dataclass(frozen=True)
class Credentials:
    """What a caller shows, already hashed: an API token, or else the token of a browser session."""

    token_hash: str
    is_token: bool

    @classmethod
    def of_token(cls, token: str) -> Self:
        """An API token in the clear."""
        return cls(hash_token(token), is_token=True)

    @classmethod
    def of_session(cls, token: str) -> Self:
        """A session cookie's value."""
        return cls(hash_token(token), is_token=False)


@dataclass(frozen=True)
class Access:
    """A principal inside one project that they are a member of."""

    principal: Principal
    project: Project
    role: Role


def add_user(
    session: Session, login: str, name: str, password: str, *, may_create_projects: bool
) -> User:
    """Create a user.

    Raises:
        InvalidError: for a login, name or password that breaks its rule.
        TakenError: when the login is in use.
    """
    login = check_login(login)
    if session.scalar(select(User.id).where(User.login == login)):
        raise TakenError("user", login, "login")
    user = User(
        login=login,
        name=check_name("name", name),
        password_hash=hash_password(check_password(password)),
        may_create_projects=may_create_projects,
    )
    session.add(user)
    session.flush()
    return user


def user_by_login(session: Session, login: str) -> User:
    """The user with this login; raises NotFoundError."""
    user = session.scalar(select(User).where(User.login == login.strip().lower()))
    if user is None:
        raise NotFoundError("user", login)
    return user


def set_member(session: Session, project: Project, login: str, role: Role) -> None:
    """Give a user a role in a project, instead of the one they may have.

    Raises:
        NotFoundError: for an unknown login.
        InvalidError: when it would leave the project without a lead.
    """
    user = user_by_login(session, login)
    # Two leads who demote each other at once: the second waits here and then sees one lead.
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    leads = set(
        session.scalars(
            select(ProjectMember.user_id).where(
                ProjectMember.project_id == project.id, ProjectMember.role == Role.LEAD
            )
        )
    )
    if role is not Role.LEAD and leads == {user.id}:
        raise InvalidError("role", "A project keeps at least one lead. Name another lead first.")
    row = insert(ProjectMember).values(project_id=project.id, user_id=user.id, role=role)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["project_id", "user_id"], set_={"role": row.excluded.role}
        )
    )


def create_token(
    session: Session,
    login: str,
    name: str,
    scopes: frozenset[Scope],
    quota: Quota = UNLIMITED,
) -> str:
    """A new API token of a user: the only time that it is seen in the clear.

    Raises:
        NotFoundError: for an unknown login.
        InvalidError: without a scope.
    """
    if not scopes:
        raise InvalidError("scopes", "Give at least one scope: ingest, label or lead.")
    user = user_by_login(session, login)
    token = f"vetted_{new_token()}"
    session.add(
        ApiToken(
            user_id=user.id,
            name=check_name("name", name),
            token_hash=hash_token(token),
            scopes=sorted(scopes),
            most_images=quota.images,
            most_bytes=quota.bytes,
        )
    )
    session.flush()
    return token


def sign_in(session: Session, login: str, password: str, now: datetime) -> str:
    """Open a browser session and return its token.

    Raises:
        NotSignedInError: for a wrong login or password, not saying which.
    """
    user = session.scalar(
        select(User).where(User.login == login.strip().lower(), User.disabled_at.is_(None))
    )
    if not password_matches(user.password_hash if user else None, password) or user is None:
        raise NotSignedInError("The login or the password is wrong. Try again.")
    session.execute(delete(WebSession).where(WebSession.expires_at < now))
    token = new_token()
    session.add(
        WebSession(user_id=user.id, token_hash=hash_token(token), expires_at=now + SESSION_LIFE)
    )
    return token


def sign_out(session: Session, token: str) -> None:
    """End a browser session; an unknown one is ended already."""
    session.execute(delete(WebSession).where(WebSession.token_hash == hash_token(token)))


def who_calls(session: Session, credentials: Credentials) -> Principal | None:
    """Whose credentials these are; None when they are nobody's (any more)."""
    row = session.execute(_caller(credentials)).one_or_none()
    return None if row is None else _principal(row)


_TOKEN = (
    ApiToken.scopes,
    ApiToken.id.label("token_id"),
    ApiToken.most_images,
    ApiToken.most_bytes,
)
_NO_TOKEN = (
    literal(None).label("scopes"),
    literal(0).label("token_id"),
    literal(None).label("most_images"),
    literal(None).label("most_bytes"),
)


def _caller(credentials: Credentials, *also: Any) -> Select[Any]:
    """The user of these credentials, as `_principal` reads it, and further columns."""
    columns = (User.id, User.login, User.name, User.may_create_projects)
    if credentials.is_token:
        return (
            select(*columns, *_TOKEN, *also)
            .join_from(User, ApiToken, ApiToken.user_id == User.id)
            .where(
                ApiToken.token_hash == credentials.token_hash,
                ApiToken.revoked_at.is_(None),
                User.disabled_at.is_(None),
            )
        )
    return (
        select(*columns, *_NO_TOKEN, *also)
        .join_from(User, WebSession, WebSession.user_id == User.id)
        .where(
            WebSession.token_hash == credentials.token_hash,
            WebSession.expires_at > func.now(),
            User.disabled_at.is_(None),
        )
    )


def _principal(row: Any) -> Principal:
    return Principal(
        user_id=row.id,
        login=row.login,
        name=row.name,
        may_create_projects=row.may_create_projects,
        # A browser may do all that its user may.
        scopes=frozenset(Scope if row.scopes is None else map(Scope, row.scopes)),
        token_id=row.token_id,
        quota=Quota(row.most_images, row.most_bytes),
    )


def enter_project(
    session: Session, credentials: Credentials, slug: str, right: Right
) -> Access | None:
    """The caller's access to a project, in one query; None when the credentials are nobody's.

    Raises:
        NotFoundError: when there is no such project, or the caller is no member: they cannot tell.
        ForbiddenError: when role or scopes do not carry `right`.
    """
    membership = and_(
        ProjectMember.user_id == User.id,
        ProjectMember.project_id
        == select(Project.id).where(Project.slug == slug).scalar_subquery(),
    )
    row = session.execute(
        _caller(credentials, Project, ProjectMember.role)
        .outerjoin(ProjectMember, membership)
        .outerjoin(Project, Project.id == ProjectMember.project_id)
    ).one_or_none()
    if row is None:
        return None
    if row.role is None:
        raise NotFoundError("project", slug)
    principal, project, role = _principal(row), row.Project, Role(row.role)
    if not allowed(right, role, principal.scopes):
        raise _forbidden(right, role)
    return Access(principal=principal, project=project, role=role)


def _forbidden(right: Right, role: Role) -> ForbiddenError:
    roles, _ = RULES[right]
    if role not in roles:
        return ForbiddenError(
            "You are a labeler here, and this is for leads: ask a lead of the project."
        )
    return ForbiddenError(
        "This token lacks the scope '{scope}'. Use one that has it.", scope=right.value
    )
