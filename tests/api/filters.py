"""A filter file, negatives and scored candidates for tests that train nothing."""

import json

from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Candidate, CoarseFilter, Image
from app.domain.batch import Standing
from app.usecases.filter.ask import filter_key, store_file
from app.usecases.projects import CategoryFacts, add_category
from tests import factories
from tests.api.service import Service

FINGERPRINT = "f" * 64


def filter_file(fingerprint: str = FINGERPRINT) -> bytes:
    """What the web service sees of a filter: a safetensors header."""
    about = {
        "format": "coarse-filter-1",
        "fingerprint": fingerprint,
        "positives": 24,
        "negatives": 30,
        "auc": 0.987,
        "l2": 0.1,
        "seed": 0,
        "positive_bins": [0] * 40 + [1] * 4 + [0] * 46 + [2] * 10,
        "negative_bins": [3] * 9 + [0] * 42 + [1] * 3 + [0] * 46,
    }
    header = json.dumps({"__metadata__": {"vetted": json.dumps(about)}}).encode()
    return len(header).to_bytes(8, "little") + header


def put_filter(service: Service, scores: list[float], project: str = "flowers") -> list[str]:
    """A filter in force that gave the pool these scores; gives the content hashes, in order."""
    found = service.project(project)
    content = filter_file()
    digest = store_file(service.blobs, content)
    facts = json.loads(json.loads(content[8:])["__metadata__"]["vetted"])
    hashes = []
    with service.transaction() as session:
        made = CoarseFilter(
            project_id=found.id,
            origin="trained",
            blob_key=filter_key(digest),
            sha256=digest,
            fingerprint=FINGERPRINT,
            facts=facts,
            created_by=found.created_by,
            ready_at=database_now(session),
        )
        session.add(made)
        session.flush()
        for index, score in enumerate(scores):
            data = factories.paint(index % 7, 200 + index)
            image = factories.make_image(session, service.blobs, found, data)
            session.add(
                Candidate(
                    image_id=image.id,
                    project_id=found.id,
                    bucket=0,
                    standing=Standing.OPEN,
                    domain_score=score,
                    filter_id=made.id,
                )
            )
            hashes.append(image.sha256)
    return hashes


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
