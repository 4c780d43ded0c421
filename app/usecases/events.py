"""The log of a project: what was done is written with it, in one transaction."""

from typing import Any

from sqlalchemy.orm import Session

from app.db.tables import Event
from app.domain.event import Verb


def record(
    session: Session, project_id: int, user_id: int | None, verb: Verb, what: object, **details: Any
) -> None:
    """Write an event into the transaction of what happened.

    Args:
        session: The transaction.
        project_id: Where.
        user_id: Who; None for the operator at the command line and for the system itself, which
            `domain.event.actor_of` tells apart.
        verb: What was done.
        what: To what: a category's name, a login, the number of a round or a version.
        details: Whatever JSON can hold that helps to understand it later.
    """
    session.add(
        Event(
            project_id=project_id,
            user_id=user_id,
            verb=verb.value,
            what=str(what),
            details=details,
        )
    )
    session.flush()
