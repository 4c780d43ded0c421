"""What the preferences page shows."""

from urllib.parse import urlsplit

from fastapi import Request

from app.domain.lease import MOST_LEASED
from app.domain.preferences import LEAST_GRID, LONGEST_WORK, Preferences
from app.web.addresses import HOME, safe_path
from app.web.languages import LANGUAGES
from app.web.pages.entry import LanguageChoice, PreferencesPage
from app.web.pages.frame import Frame


def preferences_page(chosen: Preferences, frame: Frame, back: str | None) -> PreferencesPage:
    """The whole page."""
    return PreferencesPage(
        frame=frame,
        languages=tuple(LanguageChoice(each.code, each.name) for each in LANGUAGES.values()),
        chosen=chosen.language,
        break_minutes=chosen.break_minutes,
        longest_work=LONGEST_WORK,
        grid_size=chosen.grid_size,
        least_grid=LEAST_GRID,
        most_grid=MOST_LEASED,
        back=back,
    )


def page_before(request: Request) -> str | None:
    """Where the reader came from, inside this site and not this page itself."""
    came = urlsplit(request.headers.get("Referer", ""))
    if came.netloc != request.headers.get("Host") or came.path == request.url.path:
        return None
    path = safe_path(came.path + (f"?{came.query}" if came.query else ""))
    return None if path in {HOME, "/sign-in"} else path
