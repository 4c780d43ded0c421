"""Every page's dataclass and its template name the same things, nested ones included."""

import dataclasses
import typing

import pytest
from jinja2 import nodes

from app.web import pages
from app.web.languages import ENGLISH
from app.web.templating import environment as environment_in

environment = environment_in(ENGLISH)
TRANSLATING = {"_", "gettext", "ngettext"}
Scope = dict[str, object]
PAGES = typing.get_args(pages.Page)


class Walker:
    """Follows the types of names through a template and notes each field that it uses."""

    def __init__(self) -> None:
        self.used: set[tuple[str, str]] = set()

    def template(self, name: str, page: type) -> None:
        self.part(name, {field.name: (page, field.name) for field in dataclasses.fields(page)})

    def part(self, name: str, scope: Scope) -> None:
        """A template, with what it extends and includes."""
        source = environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]
        tree = environment.parse(source)
        for parent in tree.find_all(nodes.Extends):
            self.part(parent.template.value, scope)  # type: ignore[attr-defined]
        self.node(tree, scope)

    def node(self, node: nodes.Node, scope: Scope) -> None:
        if isinstance(node, nodes.For):
            self.node(node.iter, scope)
            item = element(self.kind(node.iter, scope))
            inner = {**scope, node.target.name: item}  # type: ignore[attr-defined]
            for child in node.body:
                self.node(child, inner)
            return
        if isinstance(node, nodes.Include):
            self.part(node.template.value, scope)  # type: ignore[attr-defined]
            return
        if isinstance(node, nodes.Call) and getattr(node.node, "name", "") in TRANSLATING:
            for child in (*node.args, *node.kwargs):
                self.node(child, scope)
            return
        if isinstance(node, (nodes.Name, nodes.Getattr)):
            self.kind(node, scope)
            return
        for child in node.iter_child_nodes():
            self.node(child, scope)

    def kind(self, node: nodes.Node, scope: Scope) -> object:
        """The type of an expression; a field that does not exist fails the test."""
        if isinstance(node, nodes.Name):
            assert node.name in scope, (
                f"the template uses {node.name!r}, the page has no such field"
            )
            found = scope[node.name]
            return self.field(*found) if isinstance(found, tuple) else found
        if isinstance(node, nodes.Getattr):
            return self.field(solid(self.kind(node.node, scope)), node.attr)
        raise AssertionError(f"{node} is more than a template should do")

    def field(self, owner: type, name: str) -> object:
        hints = typing.get_type_hints(owner)
        assert name in hints, f"the template uses {owner.__name__}.{name}, which is no field"
        self.used.add((owner.__name__, name))
        return hints[name]


def solid(kind: object) -> type:
    """The dataclass out of `X | None`."""
    options = [each for each in typing.get_args(kind) if each is not type(None)] or [kind]
    assert dataclasses.is_dataclass(options[0]), kind
    return typing.cast("type", options[0])


def element(kind: object) -> object:
    """X out of `tuple[X, ...]`."""
    return typing.get_args(kind)[0]


def reachable(page: type) -> set[tuple[str, str]]:
    found = set()
    for field in dataclasses.fields(page):
        found.add((page.__name__, field.name))
        kind = typing.get_type_hints(page)[field.name]
        for inner in (kind, *typing.get_args(kind)):
            if dataclasses.is_dataclass(inner):
                found |= reachable(typing.cast("type", inner))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_page_and_template_agree(page: type) -> None:
    walker = Walker()
    walker.template(page.template, page)  # type: ignore[attr-defined]
    assert walker.used == reachable(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_pages_are_frozen(page: type) -> None:
    assert page.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_every_template_has_a_page() -> None:
    shared = {
        "base.html",
        "lead_nav.html",
        "pool_nav.html",
        "round_method.html",
        "round_fields.html",
        "split_fields.html",
        "viewer.html",
    }
    assert set(environment.list_templates()) == {page.template for page in PAGES} | shared
