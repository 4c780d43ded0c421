import importlib.util

import pytest

from tests.embedded.watching import connect

pytestmark = pytest.mark.slow
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_gets_a_database_of_its_own(database_url: str, turn: int) -> None:
    with connect(database_url) as connection:
        connection.execute("CREATE TABLE only_in_this_one AS SELECT %s::int AS turn", (turn,))


def test_the_database_is_migrated(database_url: str) -> None:
    with connect(database_url) as connection:
        (count,) = connection.execute(TABLES).fetchone() or (0,)
    assert (count > 0) == (importlib.util.find_spec("migrations.run") is not None)


def test_the_empty_one_is_not(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        assert connection.execute(TABLES).fetchone() == (0,)
