"""What holds for every route: rights, names, documented refusals, valid examples."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api import (
    addresses,
    batches,
    category_changes,
    category_list,
    dataset,
    events,
    exemplars,
    filters,
    images,
    imports,
    labeling,
    leaks,
    maps,
    near_duplicates,
    people,
    problems,
    projects,
    quality,
    rounds,
    syncs,
    takedowns,
    uploads,
    webhooks,
)
from app.api.dependencies import Needs
from app.api.schemas.categories import CategoryIn
from app.api.schemas.decisions import NewDecision
from app.api.schemas.exemplars import ExemplarsIn
from app.api.schemas.leases import LeaseRequest
from app.api.schemas.people import PreferencesBody
from app.api.schemas.projects import NewProject
from app.domain.access import Right
from app.domain.errors import DomainError
from tests.api.service import Service

MODULES = (
    people, projects, category_changes, category_list, exemplars, images, batches, imports, rounds, maps,
    filters, near_duplicates, leaks, labeling, dataset, events, quality, takedowns, webhooks, uploads,
    addresses, syncs,
)  # fmt: skip
ROUTES = [route for module in MODULES for route in module.router.routes]

# A second statement of who may do what; a new route must be added here by hand.
RIGHTS = {
    Right.READ: {
        "getProject", "listCategories", "getImage", "getOriginal", "getDerivative",
        "headOriginal", "headDerivative",
        "listRounds", "getRound", "listVersions", "getVersion",
    },
    Right.LABEL: {
        "leaseProposals", "releaseProposals", "decideProposal", "listDecisions", "undoDecision",
        "decidePage", "listGrids", "getSession",
    },
    Right.INGEST: {
        "describeUploads", "createUpload", "listUploads", "getUpload", "headUpload", "sendUpload",
        "deleteUpload",
        "ingestImages", "createBatch", "listBatches", "getBatch", "listBatchRefusals",
        "finishBatch", "cancelBatch",
        "sendAddresses", "listAddresses", "fetchAgain", "startSync",
    },
    Right.LEAD: {
        "withdrawBatch", "restoreBatch",
        "editProject", "listMembers", "setMember", "createCategory", "editCategory",
        "deleteCategory", "importCategories", "previewDefinition", "changeCategory", "listCategoryChanges",
        "undoCategoryChange", "seedExamples", "startRound", "closeRound", "cancelRound",
        "getExemplars", "setExemplars", "resetExemplars",
        "listLeaks", "releaseLeak", "quarantineLeak",
        "listNearDuplicates", "detachNearDuplicate", "attachNearDuplicate",
        "listExamples", "listHardNegatives", "exportDataset", "exportModel",
        "getQuality", "listAdjudications", "adjudicate", "previewSetAside", "setAside",
        "createImport", "listImports", "getImport", "changeImport", "startImport", "cancelImport",
        "previewRollBack", "rollBack", "listEvents", "exportEvents", "exportManifest", "diffVersions",
        "listWebhooks", "createWebhook", "editWebhook", "deleteWebhook", "testWebhook",
        "listDeliveries", "redeliver",
        "listTakedowns", "previewTakedown", "takeDown", "takeDownImage", "liftTakedown",
        "getFilter", "trainFilter", "moveThreshold", "lookAroundThreshold", "downloadFilter",
        "uploadFilter", "cancelFilter", "addNegatives", "markNegative", "listNegatives",
        "removeNegative", "listSyncLocations",
        "getMap", "getMapPoints", "getMapImages", "getMapAnswers",
    },
}  # fmt: skip


# Of the caller alone, or asking for more than a right in a project.
OUTSIDE = {"listProjects", "createProject", "getPreferences", "setPreferences"}


def dependencies(of: Dependant) -> Iterator[object]:
    for each in of.dependencies:
        yield each.call
        yield from dependencies(each)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_a_route_in_a_project_declares_its_right(route: APIRoute) -> None:
    needed = {call.right for call in dependencies(route.dependant) if isinstance(call, Needs)}
    if "{project}" not in route.path:
        assert route.operation_id in OUTSIDE
        return
    assert len(needed) == 1
    assert route.operation_id in RIGHTS[needed.pop()]


def test_no_right_names_a_route_that_is_gone() -> None:
    named = set().union(*RIGHTS.values())
    assert named == {route.operation_id for route in ROUTES if "{project}" in route.path}


def all_errors(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for each in base.__subclasses__():
        yield each
        yield from all_errors(each)


def test_every_domain_error_has_a_status_and_a_name_of_its_own() -> None:
    assert set(problems.STATUS) == set(all_errors())
    names = [name for _, name in problems.STATUS.values()]
    assert len(set(names)) == len(names)


@pytest.fixture(scope="module")
def openapi(shared: Service) -> dict[str, Any]:
    answer = shared.client.get("/api/v1/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


def operations(openapi: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in openapi["paths"].values() for operation in path.values()]


def test_every_operation_has_a_name_of_its_own(openapi: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(openapi)]
    assert len(set(names)) == len(names)
    assert set(names) == {route.operation_id for route in ROUTES}


def test_every_operation_says_what_it_does(openapi: dict[str, Any]) -> None:
    assert all(operation.get("description") for operation in operations(openapi))


def test_every_refusal_is_documented_as_a_problem(openapi: dict[str, Any]) -> None:
    for operation in operations(openapi):
        refusals = {s: r for s, r in operation["responses"].items() if s >= "400"}
        assert {"401", "403", "404"} <= set(refusals), operation["operationId"]
        for status, refusal in refusals.items():
            where = (operation["operationId"], status)
            assert set(refusal["content"]) == {problems.MEDIA_TYPE}, where
            schema = refusal["content"][problems.MEDIA_TYPE]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, where


def test_every_operation_that_takes_values_documents_that_it_may_refuse_them(
    openapi: dict[str, Any],
) -> None:
    for operation in operations(openapi):
        if operation.get("parameters") or operation.get("requestBody"):
            assert "422" in operation["responses"], operation["operationId"]


def test_every_reference_leads_somewhere(openapi: dict[str, Any]) -> None:
    for reference in references(openapi):
        found: Any = openapi
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_example_of_a_schema_is_valid(openapi: dict[str, Any]) -> None:
    described = openapi["components"]["schemas"]
    checked = 0
    for schema in described.values():
        for example in schema.get("examples", []):
            jsonschema.validate(example, {**schema, "components": openapi["components"]})
            checked += 1
    assert checked >= 4


def test_bodies_of_json_carry_an_example_or_describe_each_field(openapi: dict[str, Any]) -> None:
    for model in (
        NewProject,
        CategoryIn,
        ExemplarsIn,
        LeaseRequest,
        NewDecision,
        PreferencesBody,
    ):
        schema = openapi["components"]["schemas"][model.__name__]
        for example in schema["examples"]:
            model.model_validate(example)


def test_both_ways_to_sign_in_are_documented(openapi: dict[str, Any]) -> None:
    kinds = {scheme["type"] for scheme in openapi["components"]["securitySchemes"].values()}
    assert kinds == {"http", "apiKey"}
    assert all(operation["security"] for operation in operations(openapi))
