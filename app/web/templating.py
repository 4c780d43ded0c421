"""Pages out of templates. A name that a template misspells is an error, not an empty place."""

from dataclasses import fields
from functools import cache
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.web.languages import translations
from app.web.pages import Page


@cache
def environment(language: str) -> Environment:
    """The templates in a language: `{{ _("Sign in") }}` and `{% trans %}` look texts up."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    found = translations(language)
    # The extension adds this method when it is loaded.
    made.install_gettext_translations(found, newstyle=True)  # type: ignore[attr-defined]
    return made


def render(page: Page, status: int = HTTPStatus.OK) -> HTMLResponse:
    """The page as a response, in the language of its frame."""
    values = {field.name: getattr(page, field.name) for field in fields(page)}
    template = environment(page.frame.language).get_template(page.template)
    return HTMLResponse(template.render(values), status_code=status)
