"""One look for all who look, and none when nobody does."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from threading import Event, Thread
from typing import Any

import pytest

from app.web import live
from app.web.live import Live

PATIENCE = 10


class Round:
    """A round that tests change, and how often somebody looked at it."""

    def __init__(self) -> None:
        self.text = "first"
        self.looks = 0

    def look(self, _: int) -> str:
        self.looks += 1
        return self.text


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: Playwright may keep a loop in this one."""
    faults: list[BaseException] = []
    done = Event()

    def whole() -> None:
        try:
            asyncio.run(asyncio.wait_for(test(), PATIENCE))
        except BaseException as fault:  # noqa: BLE001 - it is raised again below
            faults.append(fault)
        done.set()

    Thread(target=whole).start()
    done.wait()
    if faults:
        raise faults[0]


def yes() -> bool:
    return True


def test_each_reader_hears_each_change_once_and_one_task_looks() -> None:
    of = Round()

    async def story() -> None:
        board = Live(of.look, pause=0)
        async with aclosing(board.read(1, yes)) as one, aclosing(board.read(1, yes)) as other:
            assert [await anext(one), await anext(other)] == ["first", "first"]
            assert board.readers == 2
            assert len(board._topics) == 1
            of.text = "second"
            assert [await anext(one), await anext(other)] == ["second", "second"]

    run(story)


def test_nobody_looks_when_the_last_reader_is_gone() -> None:
    of = Round()

    async def story() -> None:
        board = Live(of.look, pause=0)
        async with aclosing(board.read(1, yes)) as reading:
            await anext(reading)
            task = board._topics[1].task
        assert task is not None
        await asyncio.wait([task])
        assert (board.readers, board._topics) == (0, {})
        looks = of.looks
        await asyncio.sleep(0)
        assert of.looks == looks

    run(story)


def test_a_reader_that_is_cut_off_is_counted_out() -> None:
    of = Round()

    async def story() -> None:
        board = Live(of.look, pause=0)
        heard = asyncio.Event()

        async def read() -> None:
            async for _ in board.read(1, yes):
                heard.set()

        reader = asyncio.create_task(read())
        await heard.wait()
        reader.cancel()
        await asyncio.wait([reader])
        assert board.readers == 0

    run(story)


def test_a_stream_ends_after_its_lifetime() -> None:
    async def story() -> None:
        board = Live(Round().look)
        assert [told async for told in board.read(1, yes, lifetime=0.2)] == ["first"]

    run(story)


def test_a_stream_ends_when_its_reader_may_look_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RECHECK", 0.05)

    async def story() -> None:
        board = Live(Round().look)
        assert [told async for told in board.read(1, lambda: False)] == ["first"]

    run(story)


def test_streams_end_when_the_database_does_not_answer_and_begin_anew() -> None:
    of = Round()

    def broken(_: int) -> str:
        raise OSError("no database")

    async def story() -> None:
        board = Live(broken, pause=0)
        assert [told async for told in board.read(1, yes)] == []
        board._look = of.look
        async with aclosing(board.read(1, yes)) as reading:
            assert await anext(reading) == "first"

    run(story)
