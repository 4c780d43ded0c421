"""A coarse filter for tests of REST that train nothing."""

from sqlalchemy import select

from app.db.tables import Candidate, Image
from app.usecases.projects import CategoryFacts, add_category
from tests import factories
from tests.api.service import Service


def put_filter(service: Service, scores: list[float]) -> list[str]:
    """See `factories.make_filter`."""
    with service.transaction() as session:
        return factories.make_filter(session, service.blobs, service.project("flowers"), scores)


def trainable(service: Service) -> None:
    """Ten examples and ten negatives."""
    with service.transaction() as session:
        project = service.project("flowers")
        category = add_category(session, project, CategoryFacts("Rose"))
        for index in range(10):
            data = factories.paint(3, 100 + index)
            image = factories.make_image(session, service.blobs, project, data)
            factories.make_example(session, image, category)
    strangers = [(f"{index}.jpg", factories.paint(4, index)) for index in range(10)]
    assert service.upload("/negatives", *strangers).status_code == 200


def candidates(service: Service) -> set[str]:
    with service.sessions() as session:
        return set(session.scalars(select(Image.sha256).join(Candidate)))
