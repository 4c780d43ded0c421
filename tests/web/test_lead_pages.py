"""Every page for leads asks the database as often for many rows as for few."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from starlette.routing import BaseRoute

from app.api.dependencies import Needs
from app.blobs import FolderBlobs
from app.db.tables import (
    Batch,
    Candidate,
    Category,
    Event,
    Example,
    Image,
    Import,
    LookAlike,
    Project,
    Proposal,
    Round,
    Source,
    User,
)
from app.domain.access import Right
from app.domain.event import Verb
from app.settings import Settings
from app.usecases.projects import CategoryFacts, add_category
from app.usecases.rounds.end_round import close_round
from app.web.routes import router
from tests import factories
from tests.web.conftest import Browser, sign_in, statements

# The routes of pages for leads (a new one adds its line), an address, and the most questions to the
# database: who calls and what they may, the reader's language, and then the page's own.
PAGES = {
    "": ("", 14),
    "/rounds/{number}": ("/rounds/2", 11),
    "/rounds/compare": ("/rounds/compare?a=1&b=2", 15),
    "/categories": ("/categories", 8),
    "/categories/{category_id}": ("/categories/{category}", 17),
    "/categories/changes": ("/categories/changes", 5),
    "/categories/{category_id}/change": ("/categories/{category}/change", 9),
    "/categories/new": ("/categories/new", 4),
    "/categories/import": ("/categories/import", 3),
    "/categories/{category_id}/edit": ("/categories/{category}/edit", 6),
    "/webhooks": ("/webhooks", 5),
    "/map": ("/map?round=2", 6),
    "/quality": ("/quality?round=1", 8),
    "/quality/adjudicate": ("/quality/adjudicate", 3),
    "/versions": ("/versions", 4),
    "/versions/compare": ("/versions/compare?one=1&other=2", 7),
    "/versions/{number}": ("/versions/2", 12),
    "/import": ("/import", 4),
    "/import/{import_id}": ("/import/{import}", 5),
    "/events": ("/events", 5),
    "/pool": ("/pool", 6),
    "/pool/duplicates": ("/pool/duplicates", 8),
    "/pool/takedowns": ("/pool/takedowns", 4),
    "/pool/leaks": ("/pool/leaks", 5),
    "/pool/batches/{batch_id}": ("/pool/batches/{batch}", 7),
    "/pool/filter": ("/pool/filter", 9),
}
# A form's answer is a file.
NO_PAGES = {"/versions/{number}/export"}
CATEGORIES = 24
ROUNDS = 4


def test_every_page_for_leads_is_counted() -> None:
    found = {
        route.path.removeprefix("/projects/{project}")
        for route in _routes(router.routes)
        if Right.LEAD in _rights(route.dependant) and "GET" in (route.methods or ())
    }
    assert found - NO_PAGES == set(PAGES)


def _routes(routes: list[BaseRoute]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(inner := getattr(route, "original_router", None), APIRouter):
            yield from _routes(inner.routes)


def _rights(dependant: Dependant) -> set[Right]:
    of = {dependant.call.right} if isinstance(dependant.call, Needs) else set()
    return of.union(*map(_rights, dependant.dependencies))


@pytest.fixture
def project(sessions: sessionmaker[Session], settings: Settings) -> factories.Labeling:
    """Two categories, a closed round and an open one, two versions, and a bit of everything else."""
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        labeler = factories.make_user(session, "ada")
        owned = factories.make_project(session, lead, labelers=[labeler])
        labeling = factories.make_labeling(session, settings.data_dir / "blobs", owned)
        _end(session, owned, labeler)
        second = _another_round(session, owned, labeling.category_ids[:2])
        again = factories.Labeling(
            owned.id, "flowers", second.id, labeling.category_ids, labeling.proposal_ids
        )
        asked = session.query(Example).count() + PROPOSALS
        blobs = FolderBlobs(settings.data_dir / "blobs")
        factories.make_map(session, blobs, again, [(float(place), 0.0) for place in range(asked)])
        _write_log(session, owned, labeler, 2)
        factories.make_import(session, owned)
        factories.make_batch(session, owned)
        factories.make_near_duplicate(session, _image(session, owned), _image(session, owned))
        factories.make_webhooks(session, owned.id, lead.id)
    return labeling


PROPOSALS = 8  # of each further round
_names = count()


def _another_round(session: Session, project: Project, categories: tuple[int, ...]) -> Round:
    number = 1 + session.query(Round).count()
    made = factories.make_round(session, project, PROPOSALS, number=number)
    for place in range(PROPOSALS):
        image = _image(session, project)
        session.add(Candidate(image_id=image.id, project_id=project.id, bucket=0))
        session.add(
            Proposal(
                round_id=made.id,
                image_id=image.id,
                category_id=categories[place % len(categories)],
                confidence=0.9,
                position=place,
            )
        )
    session.flush()
    return made


def _end(session: Session, project: Project, labeler: User) -> None:
    newest = session.scalars(select(Round).order_by(Round.number.desc())).first()
    assert newest is not None
    asked = session.scalars(select(Proposal).where(Proposal.round_id == newest.id)).all()
    for place, proposal in enumerate(asked[:-1]):
        factories.answer(session, proposal, labeler.id, ("yes", "no", "unsure")[place % 3], 2.0)
    close_round(session, project, newest.number, datetime.now(UTC))


def _image(session: Session, project: Project) -> Image:
    number = next(_names)
    image = Image(
        project_id=project.id,
        sha256=f"{number:064x}",
        format="jpeg",
        width=96,
        height=72,
        size=1000,
    )
    session.add(image)
    session.flush()
    host = f"https://host-{number % 5}.example/{number}"
    session.add(Source(image_id=image.id, url=host, licence=f"CC {number % 3}"))
    return image


def _write_log(session: Session, project: Project, user: User, events: int) -> None:
    verbs = list(Verb)
    session.add_all(
        Event(
            project_id=project.id,
            user_id=user.id,
            verb=verbs[place % len(verbs)],
            what=f"{place}",
            details={"place": place},
        )
        for place in range(events)
    )


def _grow(session: Session) -> None:
    """Twelve times the categories, several times the rounds, versions, people and the rest."""
    project = session.scalars(select(Project)).one()
    labeler = session.scalars(select(User).where(User.login == "ada")).one()
    made = [
        add_category(session, project, CategoryFacts(f"Species {place}", f"Planta {place}"))
        for place in range(CATEGORIES)
    ]
    for category in made:
        factories.make_example(session, _image(session, project), category)
    aster = session.scalars(select(Category).where(Category.name == "Alpine aster")).one()
    session.add_all(LookAlike(category_id=aster.id, other_id=each.id) for each in made)
    for _ in range(ROUNDS):
        _end(session, project, labeler)
        _another_round(session, project, tuple(each.id for each in made))
    for place in range(10):
        user = User(login=f"eve-{place}", name=f"Eve {place}", password_hash="none")
        session.add(user)
        session.flush()
        _write_log(session, project, user, 30)
        factories.make_import(session, project)
        factories.make_webhooks(session, project.id, project.created_by)
        factories.make_batch(session, project)
        factories.make_near_duplicate(session, _image(session, project), _image(session, project))
        factories.make_takedown(session, project)
        statement = text("INSERT INTO project_member VALUES (:project, :user, 'labeler')")
        session.execute(statement, {"project": project.id, "user": user.id})


def test_many_rows_take_no_more_questions_than_few(
    browser: Browser, sessions: sessionmaker[Session], project: factories.Labeling
) -> None:
    client = browser()
    sign_in(client, "lena")
    with sessions() as session:
        number = session.scalars(select(Import.id)).one()
        batch = session.scalars(select(Batch.id)).one()
    names = {"category": project.category_ids[1], "import": number, "batch": batch}

    def asked() -> dict[str, int]:
        found = {}
        for path, (address, _) in PAGES.items():
            with statements(sessions) as sent:
                answer = client.get(f"/projects/flowers{address.format_map(names)}")
            assert answer.status_code == 200, (path, answer.text)
            found[path] = len(sent)
        return found

    few = asked()
    with sessions.begin() as session:
        _grow(session)
    assert asked() == few
    assert few == {path: min(few[path], most) for path, (_, most) in PAGES.items()}
