"""The frame of a page and the language it is in."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.dependencies import COOKIE, ContextDep, PrincipalDep
from app.secrets import csrf_token
from app.web.languages import choose, script_path
from app.web.pages import Frame
from app.web.words import Words, words_in


def words_for(request: Request, preferred: str | None = None) -> Words:
    """The words of the reader: in the language they prefer, else in one that their browser asks for."""
    return words_in(choose(preferred, request.headers.get("Accept-Language")).code)


def frame(words: Words, title: str, user: str | None = None, csrf: str = "") -> Frame:
    """The frame with this title."""
    language = words.language
    return Frame(
        title=title,
        language=language.code,
        direction=language.direction,
        catalogue=script_path(language.code),
        user=user,
        csrf=csrf,
    )


class Framing:
    """Makes the frame of a page for the reader who asks."""

    def __init__(self, request: Request, context: ContextDep, principal: PrincipalDep) -> None:
        self.words = words_for(request)
        self._user = principal.name
        # A program with an API token has no session; its pages come without a form token.
        token = request.cookies.get(COOKIE)
        self._csrf = csrf_token(context.settings.secret_key, token) if token else ""

    def titled(self, title: str) -> Frame:
        """The frame with this title."""
        return frame(self.words, title, self._user, self._csrf)


FramingDep = Annotated[Framing, Depends()]
