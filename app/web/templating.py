"""Pages out of templates. A name that a template misspells is an error, not an empty place."""

from dataclasses import fields
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.web.pages import Page

environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(page: Page, status: int = HTTPStatus.OK) -> HTMLResponse:
    """The page as a response."""
    values = {field.name: getattr(page, field.name) for field in fields(page)}
    return HTMLResponse(environment.get_template(page.template).render(values), status_code=status)
