"""Many rows in one statement whose text does not grow with them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Text, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert

from app.db.tables.base import Table


def insert_rows(table: type[Table], rows: Sequence[Mapping[str, Any]]) -> Insert:
    """INSERT of these rows, at least one, in this order; all have the same columns.

    They travel as one JSON value. `insert(table).values(rows)` has a parameter for each value
    instead: a text that is put together, taken apart and planned for each number of rows, which
    costs more than decoding a small picture.
    """
    types = {name: table.__table__.c[name].type for name in rows[0]}
    sent = cast(literal(json.dumps(rows, default=str), Text), JSON)
    given = func.json_to_recordset(sent).table_valued(
        *(column(name, kind) for name, kind in types.items()), name="given"
    )
    source = select(given.render_derived(with_types=True))
    return insert(table).from_select(list(types), source)
