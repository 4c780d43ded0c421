"""Two leads choose the exemplars of one category at once."""

from functools import partial
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db.tables import Category, ChosenExemplar, Image, Project
from app.usecases.categories.choose_exemplars import choose_exemplars
from tests import factories
from tests.db.racing import Race


def test_the_later_choice_replaces_the_whole_of_the_earlier(
    race: Race, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        project = factories.make_project(session, lead)
        made = factories.make_labeling(session, tmp_path, project, exemplars=4)
        hashes = list(session.scalars(select(Image.sha256).order_by(Image.id).limit(4)))
    category = made.category_ids[0]

    def choose(session: Session, chosen: list[str]) -> None:
        assert session.get_one(Project, made.project_id)
        choose_exemplars(session, session.get_one(Category, category), chosen)

    first, second = hashes[:3], [hashes[3], hashes[0]]
    finish = race.run(partial(choose, chosen=first), partial(choose, chosen=second))
    assert finish.waited
    assert finish.second is None
    with sessions() as session:
        kept = session.scalars(
            select(Image.sha256)
            .join(ChosenExemplar, ChosenExemplar.image_id == Image.id)
            .order_by(ChosenExemplar.position)
        ).all()
    assert kept == second
