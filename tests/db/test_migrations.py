"""The migrations and the tables say the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from app.db.tables import Table
from migrations.run import downgrade, upgrade


def test_an_empty_database_goes_up_and_down_and_up(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    upgrade(empty_database_url)
    with engine.connect() as connection:
        first = _everything(connection)
        assert set(Table.metadata.tables) <= first
    downgrade(empty_database_url)
    with engine.connect() as connection:
        assert _everything(connection) <= {"alembic_version", "alembic_version_pkc"}
    upgrade(empty_database_url)
    with engine.connect() as connection:
        assert _everything(connection) == first
    engine.dispose()


def test_going_up_again_changes_nothing(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        before = _everything(connection)
    upgrade(database_url)
    with engine.connect() as connection:
        assert _everything(connection) == before
    engine.dispose()


def test_the_migrated_database_is_what_the_tables_say(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        found = compare_metadata(
            MigrationContext.configure(connection, opts=options), Table.metadata
        )
        assert found == []
    engine.dispose()


def test_checks_and_conditions_of_indexes_are_the_same_too(
    database_url: str, empty_database_url: str
) -> None:
    migrated, described = create_engine(database_url), create_engine(empty_database_url)
    Table.metadata.create_all(described)
    with migrated.connect() as one, described.connect() as other:
        assert _definitions(one) == _definitions(other)
    migrated.dispose()
    described.dispose()


def _everything(connection: Connection) -> set[str]:
    """Names of all tables, indexes, sequences and types in the schema."""
    rows = connection.execute(
        text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    )
    types = connection.execute(
        text(
            "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'"
        )
    )
    return {*rows.scalars(), *types.scalars()}


def _definitions(connection: Connection) -> set[str]:
    indexes = connection.execute(
        text(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
    )
    constraints = connection.execute(
        text(
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
            "AND conrelid::regclass::text <> 'alembic_version'"
        )
    )
    return {*indexes.scalars(), *constraints.scalars()}
