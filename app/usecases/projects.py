"""Projects and their categories."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import (
    Category,
    CategoryChange,
    Example,
    HardNegative,
    LookAlike,
    Project,
    ProjectMember,
    Proposal,
)
from app.domain.access import Role
from app.domain.category_change import Kind
from app.domain.decision import Picked
from app.domain.errors import (
    CategoryInUseError,
    CategoryRetiredError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TakenError,
)
from app.domain.names import check_definition, check_name, check_slug
from app.domain.redundancy import RedundancyFor
from app.domain.round import Policy
from app.domain.split_rule import SplitRule
from app.usecases.people import Principal


@dataclass(frozen=True)
class ProjectPlan:
    """What a lead chooses when a project is made. The defaults are the paper's where it has one."""

    slug: str
    name: str
    description: str = ""
    policy: Policy = Policy.RESCORE
    subsets: int = 1
    threshold: float = 0.5
    backbone: str = "mobilenet_v3_large"
    weights: str | None = None
    image_size: int = 224
    seed: int = 0
    test_percent: int = SplitRule.test_percent
    most_tests: int = SplitRule.most_tests
    least_train: int = SplitRule.least_train


@dataclass(frozen=True)
class CategoryFacts:
    """What a lead writes about a category. Look-alikes are names of categories of the project."""

    name: str
    scientific_name: str = ""
    definition: str = ""
    look_alikes: tuple[str, ...] = ()


def check_may_create(principal: Principal) -> None:
    """Raise ForbiddenError unless the user may create projects."""
    if not principal.may_create_projects:
        raise ForbiddenError(
            "Your account may not create projects. Ask the operator for `vetted user add --lead`."
        )


def create_project(session: Session, principal: Principal, plan: ProjectPlan) -> Project:
    """Create a project with the caller as its lead.

    Raises:
        ForbiddenError: unless the user may create projects.
        InvalidError: for a value that breaks its rule.
        TakenError: when the slug is in use.
    """
    check_may_create(principal)
    _check_weights_name(plan.weights)
    SplitRule(plan.test_percent, plan.most_tests, plan.least_train)
    project = Project(
        slug=check_slug(plan.slug),
        name=check_name("name", plan.name),
        description=plan.description,
        policy=plan.policy,
        subsets=plan.subsets,
        threshold=plan.threshold,
        backbone=plan.backbone,
        weights=plan.weights,
        image_size=plan.image_size,
        seed=plan.seed,
        test_percent=plan.test_percent,
        most_tests=plan.most_tests,
        least_train=plan.least_train,
        created_by=principal.user_id,
    )
    session.add(project)
    try:
        session.flush()
    except IntegrityError:
        raise TakenError("project", plan.slug, "slug") from None
    session.add(ProjectMember(project_id=project.id, user_id=principal.user_id, role=Role.LEAD))
    session.flush()
    return project


@dataclass(frozen=True)
class ProjectChanges:
    """What a lead may change later; None leaves it. A round keeps the settings that it began with."""

    name: str | None = None
    description: str | None = None
    policy: Policy | None = None
    subsets: int | None = None
    threshold: float | None = None
    test_percent: int | None = None
    most_tests: int | None = None
    least_train: int | None = None
    grid_above: float | None = None
    grid_below: float | None = None
    picked: Picked | None = None
    gold_share: float | None = None
    audit_share: float | None = None
    redundancy: int | None = None
    redundancy_for: RedundancyFor | None = None
    show_gold: bool | None = None
    show_confidence: bool | None = None
    show_others: bool | None = None


def split_rule(project: Project) -> SplitRule:
    """How the project divides pictures that come without a split."""
    return SplitRule(project.test_percent, project.most_tests, project.least_train)


CLEARABLE = frozenset({"grid_above", "grid_below"})


def edit_project(project: Project, changes: ProjectChanges, clear: Collection[str] = ()) -> Project:
    """Change a project for its next round; what is about labeling holds at once.

    Args:
        project: The project.
        changes: The new values.
        clear: Names of CLEARABLE settings that become None, which means "never".

    Raises:
        InvalidError: for a name or a split rule that breaks its rule.
    """
    for column, value in asdict(changes).items():
        if value is not None:
            setattr(project, column, check_name("name", value) if column == "name" else value)
    for column in CLEARABLE.intersection(clear):
        setattr(project, column, None)
    split_rule(project)
    return project


def _check_weights_name(weights: str | None) -> None:
    # A name inside the operator's folder, never a path: a lead must not read the server's files.
    if weights is not None and (
        not weights or "/" in weights or "\\" in weights or weights[0] == "."
    ):
        raise InvalidError(
            "weights", "Give the plain name of a file in the folder that VETTED_WEIGHTS_DIR names."
        )


def list_projects(session: Session, principal: Principal) -> Sequence[tuple[Project, Role]]:
    """The projects that the caller is a member of, by name."""
    rows = session.execute(
        select(Project, ProjectMember.role)
        .join(ProjectMember, ProjectMember.project_id == Project.id)
        .where(ProjectMember.user_id == principal.user_id)
        .order_by(Project.name, Project.id)
    )
    return [(project, Role(role)) for project, role in rows]


def add_category(session: Session, project: Project, facts: CategoryFacts) -> Category:
    """Create a category.

    Raises:
        InvalidError: for a value that breaks its rule or an unknown look-alike.
        TakenError: when the name is in use, in whatever case.
    """
    category = Category(project_id=project.id, **_columns(facts))
    session.add(category)
    try:
        session.flush()
    except IntegrityError:
        raise TakenError("category", facts.name) from None
    _set_look_alikes(session, category, facts.look_alikes)
    return category


def edit_category(session: Session, category: Category, facts: CategoryFacts) -> Category:
    """Replace what is written about a category; raises as `add_category` does.

    Raises:
        CategoryRetiredError: when it is retired.
    """
    if category.retired_at is not None:
        raise CategoryRetiredError(category.name)
    for column, value in _columns(facts).items():
        setattr(category, column, value)
    try:
        session.flush()
    except IntegrityError:
        raise TakenError("category", facts.name) from None
    _set_look_alikes(session, category, facts.look_alikes)
    return category


def delete_category(session: Session, category: Category) -> None:
    """Delete a category that was never used.

    Raises:
        CategoryInUseError: when examples, hard negatives or proposals refer to it, or another
            was merged with it.
    """
    # An example that is added at the same moment holds a share lock on the row: wait for it.
    session.execute(select(Category.id).where(Category.id == category.id).with_for_update())
    used = select(
        exists().where(
            or_(
                CategoryChange.into_id == category.id,
                and_(
                    CategoryChange.category_id == category.id,
                    CategoryChange.kind.in_((Kind.MERGE, Kind.SPLIT)),
                ),
            )
        )
        | exists().where(Example.category_id == category.id)
        | exists().where(HardNegative.category_id == category.id)
        | exists().where(Proposal.category_id == category.id)
    )
    if session.scalar(used):
        raise CategoryInUseError(category.name)
    session.delete(category)


def category_by_id(session: Session, project: Project, category_id: int) -> Category:
    """A category of this project, retired ones too; raises NotFoundError."""
    category = session.scalar(
        select(Category).where(Category.project_id == project.id, Category.id == category_id)
    )
    if category is None:
        raise NotFoundError("category", category_id)
    return category


def category_by_name(session: Session, project: Project, name: str) -> Category:
    """A category that is not retired by its name, in whatever case; raises NotFoundError."""
    category = session.scalar(
        select(Category).where(
            Category.project_id == project.id,
            Category.retired_at.is_(None),
            func.lower(Category.name) == func.lower(" ".join(name.split())),
        )
    )
    if category is None:
        raise NotFoundError("category", name)
    return category


def look_alikes(session: Session, project: Project) -> dict[int, list[str]]:
    """Names of look-alikes by category id."""
    rows = session.execute(
        select(LookAlike.category_id, Category.name)
        .join(Category, Category.id == LookAlike.other_id)
        .where(Category.project_id == project.id, Category.retired_at.is_(None))
        .order_by(Category.name)
    )
    names: dict[int, list[str]] = {}
    for category_id, name in rows:
        names.setdefault(category_id, []).append(name)
    return names


def _columns(facts: CategoryFacts) -> dict[str, str]:
    scientific = (
        check_name("scientific_name", facts.scientific_name) if facts.scientific_name else ""
    )
    return {
        "name": check_name("name", facts.name),
        "scientific_name": scientific,
        "definition": check_definition(facts.definition),
    }


def _set_look_alikes(session: Session, category: Category, names: Sequence[str]) -> None:
    project = session.get_one(Project, category.project_id)
    others = set()
    for name in names:
        try:
            others.add(category_by_name(session, project, name).id)
        except NotFoundError:
            raise InvalidError(
                "look_alikes",
                "There is no category {name!r} yet. Create it first, then name it here.",
                name=name,
            ) from None
    # One that is retired is not named here, and is a look-alike again when it comes back.
    active = select(Category.id).where(
        Category.project_id == project.id, Category.retired_at.is_(None)
    )
    session.execute(
        delete(LookAlike).where(
            LookAlike.category_id == category.id, LookAlike.other_id.in_(active)
        )
    )
    session.add_all(
        LookAlike(category_id=category.id, other_id=other) for other in others - {category.id}
    )
    session.flush()
