"""What a user chose for the pages, kept with the user."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from app.db.tables import User
from app.domain.preferences import Language, Preferences, check_preferences


def preferences_of(session: Session, user_id: int) -> Preferences:
    """The user's preferences; what was never chosen has its default."""
    kept = session.get_one(User, user_id).preferences
    language = kept.get("language")
    return Preferences(**kept | {"language": None if language is None else Language(language)})


def keep_preferences(session: Session, user_id: int, chosen: Preferences) -> Preferences:
    """Replace the user's preferences; raises InvalidError as `check_preferences` does."""
    session.get_one(User, user_id).preferences = asdict(check_preferences(chosen))
    session.flush()
    return chosen
