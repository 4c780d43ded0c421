"""What a caller keeps for themselves."""

from fastapi import APIRouter

from app.domain.access import Scope
from app.domain.errors import ForbiddenError, InvalidError
from app.domain.preferences import Preferences
from app.usecases.preferences import keep_preferences, preferences_of

from . import answers
from .dependencies import PrincipalDep, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.people import PreferencesBody

router = APIRouter(tags=["people"], route_class=OneThreadRoute)


@router.get("/me/preferences", operation_id="getPreferences", responses=responses())
def get_preferences(unit: UnitDep, principal: PrincipalDep) -> PreferencesBody:
    """What the caller chose for the pages."""
    return answers.preferences_out(preferences_of(unit.session, principal.user_id))


@router.put("/me/preferences", operation_id="setPreferences", responses=responses(InvalidError))
def set_preferences(
    body: PreferencesBody, unit: UnitDep, principal: PrincipalDep
) -> PreferencesBody:
    """Replace what the caller chose; what is left out gets its default."""
    if Scope.LABEL not in principal.scopes:
        raise ForbiddenError("Changing preferences needs a token with the scope 'label'.")
    chosen = Preferences(
        keys=body.keys,
        language=body.language,
        break_minutes=body.break_minutes,
        grid_size=body.grid_size,
    )
    return answers.preferences_out(keep_preferences(unit.session, principal.user_id, chosen))
