"""Fifty labelers at a project of a million candidates, over HTTP against the real server.

    python -m bench.serving --pool 1000000 --labelers 50 --seconds 60 --json

Starts the embedded database, broker and two web processes twice, in throw-away folders: once with a
project of `--pool` candidates and once with one of `--against`. The labelers work at the one and at
the other in turns (A B B A ...), so that whatever else the machine does falls on both. Afterwards the
database is compared with what the labelers were told. The last line is one JSON object.

    python -m bench.serving --dashboards --pool 1000000 --decisions 250000 --categories 620 --json

asks for every page and answer for leads instead, in a project with closed rounds behind it.
"""

import argparse
import asyncio
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import uvloop

from bench.serving import dashboards
from bench.serving.audit import Audit, audit
from bench.serving.browser import press_keys
from bench.serving.fill import Sizes
from bench.serving.labeler import Labeler, Record
from bench.serving.place import WEB_PROCESSES, Cores, Place, labelers, place, run
from vetted.database import session_at
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import throw_away_dir

KINDS = ("next", "decide", "undo", "picture")
POINTS = (50, 95, 99)
# Seconds at the beginning of a turn that are not measured: first everybody's page fills itself.
WARM, WARM_AGAIN = 20.0, 2.0
BROWSER_STARTS = 5.0  # seconds


@dataclass
class Side:
    """One of the two projects, and what was seen there."""

    place: Place
    pool: int
    labelers: list[Labeler]
    record: Record
    measured: float = 0.0
    turns: int = 0
    busy: float = 0.0
    keys: list[float] = field(default_factory=list)
    cores: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Fill, run, compare, print."""
    options = _options()
    with exit_on_signals():
        _dashboards(options) if options.dashboards else _labelers(options)


def _dashboards(options: argparse.Namespace) -> None:
    result = dashboards.measure(options)
    if not options.json:
        dashboards.print_table(result)
    print(json.dumps(result))


def _labelers(options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        sides = [_side(stack, options, pool) for pool in (options.pool, options.against)]
        for turn in _turns(options.turns):
            _turn(sides[turn], options)
        audits = [_audit(side) for side in sides]
        result = _result(options, sides, audits)
    if not options.json:
        _print_table(result)
    print(json.dumps(result))


def _side(stack: ExitStack, options: argparse.Namespace, pool: int) -> Side:
    _say(f"filling a project with {pool:,} candidates")
    data_dir = stack.enter_context(throw_away_dir("vetted-serving-"))
    sizes = Sizes(pool, min(pool, options.proposals), options.categories, options.labelers + 1)
    where = stack.enter_context(place(data_dir, sizes))
    record = Record()
    return Side(where, pool, labelers(where, options.labelers, options.think, record), record)


def _turns(pairs: int) -> list[int]:
    """0 1 1 0 0 1 1 0: each side as often first as second."""
    return [side for pair in range(pairs) for side in ((0, 1) if pair % 2 == 0 else (1, 0))]


def _turn(side: Side, options: argparse.Namespace) -> None:
    cores = Cores(side.place)
    warm = WARM_AGAIN if side.turns else WARM
    side.measured += uvloop.run(_work(side, options.seconds / options.turns, warm, options))
    side.turns += 1
    for name, spent in cores.used().items():
        side.cores[name] = side.cores.get(name, 0.0) + spent
    side.busy += warm + options.seconds / options.turns
    errors = len(side.record.errors)
    _say(f"{side.pool:,}: {len(side.record.acknowledged):,} answers, {errors} errors")


async def _work(side: Side, seconds: float, warm: float, options: argparse.Namespace) -> float:
    working = asyncio.create_task(run(side.labelers, seconds, warm))
    if options.browser:
        await asyncio.sleep(warm)
        side.keys += await press_keys(side.place, seconds - BROWSER_STARTS, options.think)
    return await working


def _audit(side: Side) -> Audit:
    with session_at(side.place.stack.database_url) as session:
        return audit(session, side.record.acknowledged)


def _result(options: argparse.Namespace, sides: list[Side], audits: list[Audit]) -> dict[str, Any]:
    large, small = (_figures(side) for side in sides)
    growth = {
        kind: round(large[kind]["p95"] / small[kind]["p95"], 3) for kind in ("next", "decide")
    }
    errors = [error for side in sides for error in side.record.errors]
    for error in errors[:10]:
        _say(error)
    return {
        "pool": options.pool,
        "against": options.against,
        "open": min(options.pool, options.proposals),
        "labelers": options.labelers,
        "seconds": options.seconds,
        "think": options.think,
        "web_processes": WEB_PROCESSES,
        "p95_next_ms": large["next"]["p95"],
        "p95_decide_ms": large["decide"]["p95"],
        "p95_growth_ratio": max(growth.values()),
        "growth": growth,
        "decisions_per_second": large["decisions_per_second"],
        "errors": len(errors),
        "doubled": sum(each.doubled for each in audits),
        "lost": sum(each.lost for each in audits),
        **_keys(sides[0]),
        "large": large,
        "small": small,
    }


def _keys(side: Side) -> dict[str, Any]:
    if not side.keys:
        return {}
    points = _points(side.keys)
    return {"p95_key_to_picture_ms": points["p95"], "key_to_picture": points}


def _figures(side: Side) -> dict[str, Any]:
    """Milliseconds of each kind of request, decisions per second, shares of one core."""
    shown = {kind: _points(side.record.seconds.get(kind, [])) for kind in KINDS}
    decided = len(side.record.seconds.get("decide", []))
    return {
        **shown,
        "decisions_per_second": round(decided / side.measured, 1),
        "late_undos": side.record.refused,
        "cores": {name: round(spent / side.busy, 2) for name, spent in side.cores.items()},
    }


def _points(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    found: dict[str, float] = {"n": len(ordered)}
    for point in POINTS:
        place_ = min(len(ordered) - 1, len(ordered) * point // 100)
        found[f"p{point}"] = round(1000 * ordered[place_], 1) if ordered else float("nan")
    return found


def _print_table(result: dict[str, Any]) -> None:
    for side in ("large", "small"):
        print(f"{result['pool' if side == 'large' else 'against']:,} candidates")
        for kind in KINDS:
            print(f"  {kind:10}", *(f"{k} {v:8}" for k, v in result[side][kind].items()))
        print("  cores     ", result[side]["cores"])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    parser.add_argument(
        "--dashboards", action="store_true", help="the pages for leads, not the labelers'"
    )
    parser.add_argument("--pool", type=int, default=1_000_000, help="candidates")
    parser.add_argument("--against", type=int, default=10_000, help="candidates of the other")
    parser.add_argument("--proposals", type=int, default=100_000, help="open, at most the pool")
    parser.add_argument("--categories", type=int, default=100)
    parser.add_argument(
        "--decisions", type=int, default=250_000, help="of all rounds, with --dashboards"
    )
    parser.add_argument("--requests", type=int, default=30, help="of each page, with --dashboards")
    parser.add_argument(
        "--browser", action="store_true", help="and a real Chromium, labeling by keyboard"
    )
    parser.add_argument("--labelers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60, help="measured at each project")
    parser.add_argument("--turns", type=int, default=4, help="that each project's time is cut into")
    parser.add_argument(
        "--think", type=float, default=1.0, help="mean seconds before an answer; 0: none"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
