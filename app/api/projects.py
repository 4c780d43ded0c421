"""Projects, their members and categories."""

from typing import Any

from fastapi import APIRouter, Response

from app.context import Unit
from app.db import queries
from app.domain.access import Role, Scope
from app.domain.errors import (
    CategoryInUseError,
    CategoryRetiredError,
    ForbiddenError,
    InvalidError,
    TakenError,
)
from app.domain.event import Verb
from app.markdown import to_html
from app.usecases import people, projects
from app.usecases.categories.rename import names_of, note_rename
from app.usecases.events import record
from app.usecases.people import Access, Principal

from . import answers
from .dependencies import Lead, PrincipalDep, Reader, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.categories import CategoryIn, CategoryOut, DefinitionIn, DefinitionOut
from .schemas.projects import MemberOut, NewProject, NewRole, ProjectChanges, ProjectOut

router = APIRouter(tags=["projects"], route_class=OneThreadRoute)


@router.get("/projects", operation_id="listProjects", responses=responses())
def list_projects(unit: UnitDep, principal: PrincipalDep) -> list[ProjectOut]:
    """The caller's projects, by name."""
    found = projects.list_projects(unit.session, principal)
    return [answers.project_out(project, role) for project, role in found]


@router.post(
    "/projects",
    operation_id="createProject",
    status_code=201,
    responses=responses(InvalidError, TakenError),
)
def create_project(body: NewProject, unit: UnitDep, principal: PrincipalDep) -> ProjectOut:
    """Create a project; the caller becomes its lead."""
    _need_lead_scope(principal)
    project = projects.create_project(
        unit.session, principal, projects.ProjectPlan(**body.model_dump())
    )
    plan = body.model_dump(mode="json")
    record(unit.session, project.id, principal.user_id, Verb.CREATE_PROJECT, project.slug, **plan)
    return answers.project_out(project, Role.LEAD)


def _need_lead_scope(principal: Principal) -> None:
    if Scope.LEAD not in principal.scopes:
        raise ForbiddenError("Creating a project needs a token with the scope 'lead'.")


@router.get("/projects/{project}", operation_id="getProject", responses=responses())
def get_project(access: Reader) -> ProjectOut:
    """A project."""
    return answers.project_out(access.project, access.role)


@router.patch("/projects/{project}", operation_id="editProject", responses=responses(InvalidError))
def edit_project(body: ProjectChanges, unit: UnitDep, access: Lead) -> ProjectOut:
    """Change a project; the next round begins with the new settings."""
    project = unit.session.merge(access.project)
    left_empty = {name for name in body.model_fields_set if getattr(body, name) is None}
    changes = projects.ProjectChanges(**body.model_dump())
    projects.edit_project(project, changes, clear=left_empty)
    changed = body.model_dump(mode="json", exclude_unset=True)
    unit.session.flush()
    if changed:
        _log(unit, access, Verb.CHANGE_PROJECT, project.slug, **changed)
    return answers.project_out(project, access.role)


@router.get("/projects/{project}/members", operation_id="listMembers", responses=responses())
def list_members(unit: UnitDep, access: Lead) -> list[MemberOut]:
    """The members of a project, by login."""
    rows = queries.members(unit.session, access.project.id)
    return [MemberOut(login=row[0], name=row[1], role=Role(row[2])) for row in rows]


@router.put(
    "/projects/{project}/members/{login}",
    operation_id="setMember",
    status_code=204,
    responses=responses(InvalidError),
)
def set_member(login: str, body: NewRole, unit: UnitDep, access: Lead) -> Response:
    """Give a user a role in the project."""
    people.set_member(unit.session, access.project, login, body.role)
    _log(unit, access, Verb.SET_MEMBER, login, role=body.role)
    return Response(status_code=204)


@router.get("/projects/{project}/categories", operation_id="listCategories", responses=responses())
def list_categories(unit: UnitDep, access: Reader) -> list[CategoryOut]:
    """The categories of a project with their counts, by name."""
    session, project = unit.session, access.project
    look_alikes = projects.look_alikes(session, project)
    counts = queries.counts(session, project.id)
    return [
        answers.category_out(
            category, look_alikes.get(category.id, []), counts.get(category.id, queries.Counts())
        )
        for category in queries.categories(session, project.id)
    ]


@router.post(
    "/projects/{project}/categories",
    operation_id="createCategory",
    status_code=201,
    responses=responses(InvalidError, TakenError),
)
def create_category(body: CategoryIn, unit: UnitDep, access: Lead) -> CategoryOut:
    """Create a category."""
    session, project = unit.session, access.project
    category = projects.add_category(session, project, _facts(body))
    _log(unit, access, Verb.CREATE_CATEGORY, category.name)
    look_alikes = projects.look_alikes(session, project)
    return answers.category_out(category, look_alikes.get(category.id, []), queries.Counts())


@router.post(
    "/projects/{project}/definitions/preview",
    operation_id="previewDefinition",
    responses=responses(),
)
def preview_definition(body: DefinitionIn, access: Lead) -> DefinitionOut:  # noqa: ARG001 - its right
    """A definition as labelers will see it. Nothing is saved."""
    return DefinitionOut(html=to_html(body.definition))


@router.put(
    "/projects/{project}/categories/{category_id}",
    operation_id="editCategory",
    responses=responses(InvalidError, TakenError, CategoryRetiredError),
)
def edit_category(category_id: int, body: CategoryIn, unit: UnitDep, access: Lead) -> CategoryOut:
    """Replace what is written about a category."""
    session, project = unit.session, access.project
    category = projects.category_by_id(session, project, category_id)
    before, called = category.name, names_of(category)
    projects.edit_category(session, category, _facts(body))
    renamed = {} if before == category.name else {"name": category.name}
    note_rename(session, category, called, access.principal.user_id)
    _log(unit, access, Verb.CHANGE_CATEGORY, before, **renamed)
    counts = queries.counts(session, project.id)
    look_alikes = projects.look_alikes(session, project)
    return answers.category_out(
        category, look_alikes.get(category_id, []), counts.get(category_id, queries.Counts())
    )


@router.delete(
    "/projects/{project}/categories/{category_id}",
    operation_id="deleteCategory",
    status_code=204,
    responses=responses(CategoryInUseError),
)
def delete_category(category_id: int, unit: UnitDep, access: Lead) -> Response:
    """Delete a category that was never used."""
    category = projects.category_by_id(unit.session, access.project, category_id)
    projects.delete_category(unit.session, category)
    _log(unit, access, Verb.DELETE_CATEGORY, category.name)
    return Response(status_code=204)


def _log(unit: Unit, access: Access, verb: Verb, what: str, **details: Any) -> None:
    record(unit.session, access.project.id, access.principal.user_id, verb, what, **details)


def _facts(body: CategoryIn) -> projects.CategoryFacts:
    return projects.CategoryFacts(
        name=body.name,
        scientific_name=body.scientific_name,
        definition=body.definition,
        look_alikes=tuple(body.look_alikes),
    )
