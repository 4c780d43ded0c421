"""What the pages show on which a project is made and its categories are written down."""

from pathlib import Path

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Category, Project
from app.domain.category_list import MOST_BYTES, MOST_LINES
from app.domain.names import LONGEST_DEFINITION, LONGEST_NAME
from app.domain.project import LARGEST_SIZE, MOST_SUBSETS, SMALLEST_SIZE
from app.domain.split_rule import MOST_PERCENT, MOST_PICTURES
from app.markdown import to_html
from app.usecases.projects import ProjectPlan, look_alikes
from app.web.lead_nav import CATEGORIES, lead_nav
from app.web.pages.frame import Frame
from app.web.pages.setup import (
    BackboneChoice,
    CategoryFormPage,
    CategoryListPage,
    NewProjectPage,
    RulesForm,
)
from app.web.words import Words, count, marked

# Names of torchvision's registry that are worth choosing among; REST takes all of them.
BACKBONES = {
    "mobilenet_v3_large": marked("Small, and quick without a GPU."),
    "mobilenet_v2": marked("Small and older; many weights files exist for it."),
    "efficientnet_b0": marked("Small; a little more accurate and a little slower."),
    "efficientnet_v2_s": marked("Accurate; several times slower without a GPU."),
    "resnet50": marked("The classic, well understood; better with a GPU."),
    "convnext_tiny": marked("Modern and accurate; wants a GPU."),
    "convnext_base": marked("Very accurate, large and slow; only with a GPU."),
    "filterbank": marked(
        "No network: fixed filters for colours and textures. It needs no weights and learns less."
    ),
}
_WEIGHTS = frozenset({".pth", ".pt", ".safetensors"})


def weights_files(folder: Path | None) -> tuple[str, ...]:
    """Names of the weights files that the operator offers."""
    if folder is None or not folder.is_dir():
        return ()
    return tuple(
        sorted(
            file.name
            for file in folder.iterdir()
            if file.suffix in _WEIGHTS and not file.name.startswith(".")
        )
    )


def rules_form(of: Project | ProjectPlan) -> RulesForm:
    """The rules of a project, or those that a new one begins with."""
    return RulesForm(
        policy=str(of.policy),
        subsets=of.subsets,
        most_subsets=MOST_SUBSETS,
        threshold=f"{of.threshold:g}",
        test_percent=of.test_percent,
        most_percent=MOST_PERCENT,
        most_tests=of.most_tests,
        least_train=of.least_train,
        most_pictures=MOST_PICTURES,
    )


def new_project_page(frame: Frame, words: Words, weights_dir: Path | None) -> NewProjectPage:
    """The form with the defaults of a project."""
    plan = ProjectPlan(slug="", name="")
    return NewProjectPage(
        frame=frame,
        rules=rules_form(plan),
        backbones=tuple(
            BackboneChoice(name, words.t(sentence), name == plan.backbone)
            for name, sentence in BACKBONES.items()
        ),
        weights=weights_files(weights_dir),
        image_size=plan.image_size,
        least_size=SMALLEST_SIZE,
        most_size=LARGEST_SIZE,
    )


def category_list_page(project: Project, frame: Frame, words: Words) -> CategoryListPage:
    """The page for a list."""
    return CategoryListPage(
        frame=frame,
        nav=lead_nav(project.slug, CATEGORIES, words),
        slug=project.slug,
        name=project.name,
        most_bytes=MOST_BYTES,
        most_lines=count(MOST_LINES),
    )


def category_form_page(
    session: Session, project: Project, frame: Frame, words: Words, category: Category | None
) -> CategoryFormPage:
    """The form of a category, empty for a new one."""
    names = session.scalars(
        select(Category.name)
        .where(Category.project_id == project.id, Category.retired_at.is_(None))
        .order_by(Category.name)
    )
    own = "" if category is None else category.name
    definition = "" if category is None else category.definition
    alike = () if category is None else look_alikes(session, project).get(category.id, ())
    return CategoryFormPage(
        frame=frame,
        nav=lead_nav(project.slug, CATEGORIES, words),
        slug=project.slug,
        project=project.name,
        heading=words.t("New category") if category is None else own,
        category_id=None if category is None else category.id,
        name=own,
        scientific_name="" if category is None else category.scientific_name,
        definition=definition,
        rendered=Markup(to_html(definition)),  # noqa: S704 - raw HTML is off
        look_alikes=tuple(alike),
        others=tuple(name for name in names if name != own),
        most_name=LONGEST_NAME,
        most_definition=LONGEST_DEFINITION,
    )
