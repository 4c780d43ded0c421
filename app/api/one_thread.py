"""The edge of a request: a route and its transaction run in one thread, without a pause between."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from app.context import Unit


class OneThreadRoute(APIRoute):
    """Commits in the thread that ran the route, before it is given back.

    The framework would validate the answer in another turn of a thread and commit after that. A
    request that holds a database connection would then wait for a thread, while the threads wait
    for a connection: with more callers than connections, all of them until the pool gives up. It
    also costs two changes of thread for each request.

    What is raised rolls back. Routes without a `Unit`, and those that are coroutines, stay as they
    are.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not inspect.iscoroutinefunction(endpoint):
            endpoint = _in_one_thread(endpoint)
        super().__init__(path, endpoint, **options)


def _in_one_thread(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    def whole(values: dict[str, Any]) -> Any:
        unit = next((each for each in values.values() if isinstance(each, Unit)), None)
        if unit is None:
            return endpoint(**values)
        with unit.ending():
            return endpoint(**values)

    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        return await run_in_threadpool(whole, values)

    # Without this the framework would look through to the plain function, and wait for no answer.
    run.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    del run.__wrapped__
    return run
