"""Names that people choose."""

import re

from app.domain.errors import InvalidError

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
NEW = "new"  # /projects/new is a page
LONGEST_NAME = 200
LONGEST_DEFINITION = 20_000
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000


def check_slug(slug: str) -> str:
    """A project's name in addresses.

    Raises:
        InvalidError: unless it is 1 to 63 of a-z, 0-9 and inner hyphens, and not "new".
    """
    if not _SLUG.fullmatch(slug):
        raise InvalidError(
            "slug",
            "Use 1 to 63 lower-case letters, digits and inner hyphens, as in 'alpine-flowers'.",
        )
    if slug == NEW:
        raise InvalidError("slug", "This address belongs to the page for new projects.")
    return slug


def check_login(login: str) -> str:
    """The login in lower case.

    Raises:
        InvalidError: unless it is 1 to 100 of letters, digits and . _ @ + -
    """
    lowered = login.strip().lower()
    if not _LOGIN.fullmatch(lowered):
        raise InvalidError(
            "login", "Use 1 to 100 letters, digits and . _ @ + - beginning with a letter or digit."
        )
    return lowered


def check_name(field: str, name: str) -> str:
    """The name without surrounding or doubled white space.

    Raises:
        InvalidError: when it is empty, longer than 200 characters or has control characters.
    """
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise InvalidError(
            field,
            "Give a {field_name} of 1 to {most} printable characters.",
            field_name=field,
            most=LONGEST_NAME,
        )
    return tidy


def check_definition(definition: str) -> str:
    """What is written about a category, as it is.

    Raises:
        InvalidError: when it is longer than 20,000 characters.
    """
    if len(definition) > LONGEST_DEFINITION:
        raise InvalidError(
            "definition", "Keep the definition under {most} characters.", most=LONGEST_DEFINITION
        )
    return definition


def check_password(password: str) -> str:
    """The password as it is.

    Raises:
        InvalidError: when it is shorter than 10 or longer than 1000 characters.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidError(
            "password",
            "Choose a password of {least} to {most} characters.",
            least=SHORTEST_PASSWORD,
            most=LONGEST_PASSWORD,
        )
    return password
