"""What a new project needs before its first round, and what of it is done."""

from collections.abc import Mapping

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.db.queries import Counts
from app.db.tables import Candidate, Category, Project, ProjectMember
from app.domain.access import Role
from app.web.pages.project import NextStep
from app.web.words import Words, count

FEWEST = 2
"""Categories of a round: with one alone there is nothing to tell apart."""


def next_steps(
    session: Session, project: Project, held: Mapping[int, Counts], words: Words
) -> tuple[NextStep, ...]:
    """The steps in the order in which they are best done."""
    t, home = words.t, f"/projects/{project.slug}"
    member = ProjectMember.project_id == project.id
    categories, pool, labelers = session.execute(
        select(
            select(func.count())
            .where(Category.project_id == project.id, Category.retired_at.is_(None))
            .scalar_subquery(),
            exists().where(Candidate.project_id == project.id),
            exists().where(member, ProjectMember.role == Role.LABELER),
        )
    ).one()
    seeded = sum(each.train > 0 for each in held.values())
    return (
        NextStep(
            t("Write down the categories"),
            words.tn("{n} category so far", "{n} categories so far", categories)
            if categories
            else t("At least two, with what tells them apart."),
            f"{home}/categories/import",
            t("Import a list"),
            done=categories >= FEWEST,
        ),
        NextStep(
            t("Give each category its first pictures"),
            t(
                "{seeded} of {all} have some to train on",
                seeded=count(seeded),
                all=count(categories),
            )
            if seeded
            else t("A few good ones for each; part of them becomes the test split."),
            f"{home}/import",
            t("Import pictures"),
            done=seeded >= max(FEWEST, categories),
        ),
        NextStep(
            t("Fill the pool"),
            t("Pictures wait to be looked at.")
            if pool
            else t("A crawler pushes what it finds, with a token for it: vetted token add."),
            "/api/v1/openapi.json",
            t("How to push over REST"),
            done=pool,
        ),
        NextStep(
            t("Add the labelers"),
            t("They answer the questions of a round."),
            "#members-heading",
            t("Add people"),
            done=labelers,
        ),
        NextStep(
            t("Start the first round"),
            t("The model trains, scores the pool and asks."),
            "#now-heading",
            t("Go to the round"),
            done=False,
        ),
    )
