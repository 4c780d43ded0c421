"""Two requests with one token that both want what is left of its day."""

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.db.tables import ApiToken, Project, TokenUse
from app.domain.access import Scope
from app.domain.errors import QuotaSpentError
from app.domain.quota import Amount, Quota
from app.usecases.people import Principal
from app.usecases.quotas import count_use
from tests.db.racing import Race, Step

INGEST = frozenset({Scope.INGEST})


def crawler(sessions: sessionmaker[Session], project: Project, quota: Quota) -> Principal:
    with transaction(sessions) as session:
        token = ApiToken(
            user_id=project.created_by, name="crawler", token_hash="none", scopes=["ingest"]
        )
        session.add(token)
        session.flush()
        return Principal(
            project.created_by,
            "ada",
            "Ada",
            False,
            INGEST,
            token.id,
            quota,
        )


def bringing(caller: Principal, images: int) -> Step:
    coming = Amount(images, 10 * images)
    return lambda session: count_use(session, caller, coming, database_now(session))


def used(sessions: sessionmaker[Session]) -> list[tuple[int, int]]:
    with sessions() as session:
        return [(row.images, row.bytes) for row in session.scalars(select(TokenUse))]


def test_of_two_that_want_the_last_place_one_gets_it(
    race: Race, sessions: sessionmaker[Session], unstarted: Project
) -> None:
    caller = crawler(sessions, unstarted, Quota(images=5))
    end = race.run(bringing(caller, 3), bringing(caller, 3))
    assert end.waited
    assert isinstance(end.second, QuotaSpentError)
    assert used(sessions) == [(3, 30)]


def test_what_a_request_that_broke_off_had_counted_is_free_again(
    race: Race, sessions: sessionmaker[Session], unstarted: Project
) -> None:
    caller = crawler(sessions, unstarted, Quota(bytes=30))
    end = race.run(bringing(caller, 3), bringing(caller, 3), first_commits=False)
    assert end.waited
    assert end.second is None
    assert used(sessions) == [(3, 30)]
