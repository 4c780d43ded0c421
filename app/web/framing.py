"""The frame of a page and the language it is in."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.dependencies import COOKIE, ContextDep, PrincipalDep
from app.context import Context
from app.secrets import csrf_token
from app.usecases.people import Credentials, who_calls
from app.usecases.preferences import preferences_of
from app.web.languages import choose, script_path
from app.web.pages.frame import Frame
from app.web.words import Words, words_in


def words_for(request: Request, preferred: str | None = None) -> Words:
    """The words of the reader: in the language they prefer, else in one that their browser asks for."""
    return words_in(choose(preferred, request.headers.get("Accept-Language")).code)


def words_for_reader(request: Request, context: Context) -> Words:
    """The words for whoever is signed in with this request's cookie, on a page of a refusal."""
    token = request.cookies.get(COOKIE)
    if not token:
        return words_for(request)
    with context.sessions.reading() as session:
        reader = who_calls(session, Credentials.of_session(token))
        return words_for(
            request, preferences_of(session, reader.user_id).language if reader else None
        )


def frame(
    words: Words, title: str, script: str | None = None, user: str | None = None, csrf: str = ""
) -> Frame:
    """The frame with this title, of a page that loads this script (`label` for label.js)."""
    language = words.language
    return Frame(
        title=title,
        language=language.code,
        direction=language.direction,
        catalogue=script_path(language.code, script),
        user=user,
        csrf=csrf,
    )


class Framing:
    """Makes the frame of a page for the reader who asks."""

    def __init__(self, request: Request, context: ContextDep, principal: PrincipalDep) -> None:
        # A connection of its own, given back before the route begins: see `get_principal`.
        with context.sessions.reading() as session:
            preferred = preferences_of(session, principal.user_id).language
        self.words = words_for(request, preferred)
        self._user = principal.name
        # A program with an API token has no session; its pages come without a form token.
        token = request.cookies.get(COOKIE)
        self._csrf = csrf_token(context.settings.secret_key, token) if token else ""

    def titled(self, title: str, script: str | None = None) -> Frame:
        """The frame with this title, of a page that loads this script (`label` for label.js)."""
        return frame(self.words, title, script, self._user, self._csrf)


FramingDep = Annotated[Framing, Depends()]
