"""A lead splits a category into new ones: what was one is several."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import permutations

from sqlalchemy import ARRAY, Integer, Text, bindparam, func, select, text
from sqlalchemy.orm import Session

from app.db.tables import Category, CategoryChange, LookAlike, Project
from app.domain.category_change import Effect, Kind, Part, Rest, check_parts
from app.domain.errors import InvalidError
from app.usecases.categories.carry_out import (
    active_category,
    carry_out,
    held,
    lock_between_rounds,
)
from app.usecases.projects import CategoryFacts, add_category


def effect_of_splitting(
    session: Session, project: Project, category_id: int, parts: Sequence[Part], rest: Rest
) -> Effect:
    """What `split_category` would do now.

    Raises:
        InvalidError: see `check_parts`; for a picture that is no example of the category; and for
            test pictures that would be asked about.
    """
    parts = check_parts(parts)
    pictures = [sha256 for part in parts for sha256 in part.pictures]
    found = session.execute(
        _FOUND, {"project": project.id, "category": category_id, "pictures": pictures}
    ).one()
    if found.examples < len(pictures):
        raise InvalidError(
            "parts",
            "Of the pictures in the parts, {number} are no examples of the category (any more). "
            "Reload the page.",
            number=len(pictures) - found.examples,
        )
    examples, negatives = held(session, project, category_id)
    left = examples - len(pictures)
    if not left and [part.name for part in parts] == [session.get_one(Category, category_id).name]:
        # The dataset would be the same by its hash, and so no version would have the change in it.
        raise InvalidError("parts", "This part is the whole category under its own name.")
    asked = left if rest is Rest.ASK else 0
    if asked and found.tests:
        raise InvalidError(
            "rest",
            "Test pictures are in no part: {number}. Nobody may be asked about them. Put them into a "
            "part, or let the rest stay.",
            number=found.tests,
        )
    stays = left > asked
    return Effect(
        examples_move=len(pictures),
        examples_stay=left - asked,
        examples_leave=asked,
        hard_negatives_stay=negatives if stays else 0,
        hard_negatives_added=negatives * len(parts),
        hard_negatives_leave=0 if stays else negatives,
        to_pool=asked,
    )


def split_category(
    session: Session,
    project: Project,
    category_id: int,
    parts: Sequence[Part],
    rest: Rest,
    user_id: int,
) -> CategoryChange:
    """Make new categories out of examples of one; what is not of it, is of no part.

    The category retires unless some of its pictures stay. The parts are look-alikes of each other.

    Raises:
        RoundAtWorkError: while a round is not finished.
        NotFoundError, CategoryRetiredError: see `active_category`.
        InvalidError: see `effect_of_splitting`.
        TakenError: when another category has the name of a part.
    """
    parts = check_parts(parts)
    lock_between_rounds(session, project)
    category = active_category(session, project, category_id)
    effect = effect_of_splitting(session, project, category_id, parts, rest)
    change = CategoryChange(
        project_id=project.id,
        kind=Kind.SPLIT,
        category_id=category.id,
        stays=effect.examples_stay > 0,
        details={
            "name": category.name,
            "parts": [part.name for part in parts],
            "rest": rest.value,
            "effect": asdict(effect),
        },
        made_by=user_id,
    )

    def write(version: int) -> None:
        if not change.stays:
            # Now, because a part may take its name.
            category.retired_at = session.scalar(select(func.now()))
            session.flush()
        of = {"project": project.id, "category": category_id, "new": version}
        made = [add_category(session, project, CategoryFacts(part.name)) for part in parts]
        change.parts = [each.id for each in made]
        _look_alike(session, made)
        for each, part in zip(made, parts, strict=True):
            moved = {**of, "pictures": list(part.pictures)}
            session.execute(_END_EXAMPLES, moved)
            session.execute(_BEGIN_EXAMPLES, {**moved, "part": each.id})
        session.execute(_COPY_REFUSALS, {**of, "parts": change.parts})
        if change.stays:
            return
        for statement in (_END_REST, _INTO_POOL, _END_REFUSALS):
            session.execute(statement, of)

    return carry_out(session, project, change, write)


def _look_alike(session: Session, made: Sequence[Category]) -> None:
    session.add_all(
        LookAlike(category_id=one.id, other_id=other.id) for one, other in permutations(made, 2)
    )


_PICTURES = bindparam("pictures", type_=ARRAY(Text))
# How many of these pictures are examples of the category, and how many others are test pictures.
_FOUND = text(
    """
    SELECT count(*) FILTER (WHERE image.sha256 = ANY (:pictures)) AS examples,
           count(*) FILTER (WHERE split = 'test' AND image.sha256 <> ALL (:pictures)) AS tests
    FROM example JOIN image ON image.id = example.image_id
    WHERE example.project_id = :project AND category_id = :category AND to_version IS NULL
    """
).bindparams(_PICTURES)
_END_EXAMPLES = text(
    """
    UPDATE example SET to_version = :new FROM image
    WHERE image.id = example.image_id AND example.project_id = :project
      AND category_id = :category AND to_version IS NULL
      AND image.sha256 = ANY (:pictures)
    """
).bindparams(_PICTURES)
# Without the decision: its labeler was not asked about the part.
_BEGIN_EXAMPLES = text(
    """
    INSERT INTO example (project_id, image_id, category_id, split, round_id, inherited_from, from_version)
    SELECT example.project_id, image_id, :part, split, round_id, inherited_from, :new
    FROM example JOIN image ON image.id = example.image_id
    WHERE example.project_id = :project AND category_id = :category AND to_version = :new
      AND image.sha256 = ANY (:pictures)
    """
).bindparams(_PICTURES)
_COPY_REFUSALS = text(
    """
    INSERT INTO hard_negative
        (project_id, image_id, category_id, round_id, decision_id, inherited_from, from_version)
    SELECT project_id, image_id, part.id, round_id, decision_id, inherited_from, :new
    FROM hard_negative CROSS JOIN unnest(:parts) AS part (id)
    WHERE project_id = :project AND category_id = :category AND to_version IS NULL
    """
).bindparams(bindparam("parts", type_=ARRAY(Integer)))
_END_REST = text(
    """
    UPDATE example SET to_version = :new
    WHERE project_id = :project AND category_id = :category AND to_version IS NULL
    """
)
_INTO_POOL = text(
    """
    INSERT INTO candidate (image_id, project_id, bucket)
    SELECT image.id, image.project_id, ('x' || left(image.sha256, 4))::bit(16)::int
    FROM image JOIN example AS was ON was.image_id = image.id
    WHERE was.project_id = :project AND was.category_id = :category AND was.to_version = :new
      AND image.taken_down_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM withdrawn_image AS gone WHERE gone.image_id = image.id)
      AND NOT EXISTS (SELECT 1 FROM example AS now
                      WHERE now.image_id = image.id AND now.to_version IS NULL)
    ON CONFLICT DO NOTHING
    """
)
_END_REFUSALS = text(
    """
    UPDATE hard_negative SET to_version = :new
    WHERE project_id = :project AND category_id = :category AND to_version IS NULL
    """
)
