"""What stands beside a picture, put into the database."""

from app.db.tables import Contrast, Exemplar
from tests import factories
from tests.journeys.conftest import Server


def with_contrast(server: Server, made: factories.Labeling) -> None:
    """The first category's first proposal gets all groups of the panel."""
    first, second = made.category_ids
    with server.sessions.begin() as session:
        exemplars: dict[int, list[int]] = {first: [], second: []}
        for row in session.query(Exemplar).filter_by(round_id=made.round_id):
            exemplars[row.category_id].append(row.image_id)
        session.add(
            Contrast(
                proposal_id=made.proposal_ids[0],
                exemplars=exemplars[first][:2],
                confusable_id=second,
                confusable_exemplars=exemplars[second][:2],
                rejected=exemplars[second][2:3],
                likely=[second],
            )
        )
