"""Making a project, and writing down its categories."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from .frame import Frame, NavLink


@dataclass(frozen=True)
class RulesForm:
    """How rounds work and how pictures are divided, as the fields of a form hold them."""

    policy: str
    subsets: int
    most_subsets: int
    threshold: str
    test_percent: int
    most_percent: int
    most_tests: int
    least_train: int
    most_pictures: int


@dataclass(frozen=True)
class BackboneChoice:
    """A network that a project may use, and what it is good for."""

    name: str
    sentence: str
    chosen: bool


@dataclass(frozen=True)
class NewProjectPage:
    """The form that makes a project."""

    template: ClassVar[str] = "new_project.html"
    frame: Frame
    rules: RulesForm
    backbones: tuple[BackboneChoice, ...]
    weights: tuple[str, ...]
    image_size: int
    least_size: int
    most_size: int


@dataclass(frozen=True)
class CategoryListPage:
    """Where a list of categories is pasted or chosen."""

    template: ClassVar[str] = "category_list.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    most_bytes: int
    most_lines: str


@dataclass(frozen=True)
class CategoryFormPage:
    """The form of one category. `category_id` is None for a new one."""

    template: ClassVar[str] = "category_form.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    project: str
    heading: str
    category_id: int | None
    name: str
    scientific_name: str
    definition: str
    rendered: Markup
    look_alikes: tuple[str, ...]
    others: tuple[str, ...]
    most_name: int
    most_definition: int
