"""Many categories out of one list."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile

from app.domain.category_list import MOST_BYTES, MOST_LINES
from app.domain.errors import InvalidError, TakenError, TooLargeError
from app.domain.event import Verb
from app.usecases.categories.import_categories import consider_categories, import_categories
from app.usecases.events import record

from . import answers
from .dependencies import Lead, SayingDep, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.categories import ListAnswer

router = APIRouter(tags=["projects"], route_class=OneThreadRoute)

ListFile = Annotated[
    UploadFile,
    File(
        description="CSV in UTF-8 with the columns `name`, `scientific name`, `definition`, "
        "`look-alikes` (names with semicolons between them) in any order; or a plain list with a "
        f"name on each line. At most {MOST_LINES:,} lines and {MOST_BYTES:,} bytes"
    ),
]
DryRun = Annotated[bool, Form(description="Only tell what would be saved, and every problem")]


@router.post(
    "/projects/{project}/categories/import",
    operation_id="importCategories",
    responses=responses(InvalidError, TakenError, TooLargeError),
)
def import_list(
    file: ListFile, unit: UnitDep, access: Lead, say: SayingDep, *, dry_run: DryRun = False
) -> ListAnswer:
    """Create and change categories: all of the list, or nothing if a line has a problem.

    A category with the same name changes only where the list gives a value.
    """
    content = file.file.read(MOST_BYTES + 1)
    session, project = unit.session, access.project
    if dry_run:
        return answers.list_answer(consider_categories(session, project, content), say, saved=False)
    found = import_categories(session, project, content)
    answer = answers.list_answer(found, say, saved=True)
    counts = {"created": answer.created, "changed": answer.changed, "unchanged": answer.unchanged}
    who = access.principal.user_id
    record(session, project.id, who, Verb.IMPORT_CATEGORIES, len(found.lines), **counts)
    return answer
