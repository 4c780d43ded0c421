"""The same search for every method, on pictures that are neither trained on nor test."""

import argparse
import json
import statistics
from collections.abc import Mapping
from typing import Any

from bench.learning.growth import Growth, grow
from bench.learning.pictures import Pictures, with_validation
from bench.learning.settings import config_of
from bench.learning.training import head, trained
from bench.watching import say
from models.config import MetricConfig
from models.methods import METHODS, Method

FIRST_DIVISION = 1000  # the seeds of divisions, apart from those of the repetitions
VALIDATION = 0.25  # of the pictures that are not test
RATES = (1e-3, 3e-3)
STEPS = (500, 1000)


def plan(method: Method) -> dict[str, tuple[Any, ...]]:
    """The settings of a method, searched one after the other; the first value is where it starts.

    Every method gets six points: two for what all share, three for what is its own, and the start.
    """
    if method.softmax and method.rejected:
        own = {"weight_decay": (0.1, 1.0), "rejected_epochs": (0.1, 0.3, 1.0)}
        return {"learning_rate": RATES, **own, "steps": STEPS}
    if method.softmax:
        own = {"weight_decay": (0.1, 0.01, 1.0), "batch_size": (128, 256)}
        return {"learning_rate": RATES, **own, "steps": STEPS}
    own = (
        {"gamma": (5.0, 10.0), "omega": (0.1, 0.5)}
        if method.anchors
        else {"gamma": (5.0, 15.0), "margin": (0.2, 0.4)}
    )
    return {"dimension": (64, 128), "learning_rate": RATES, **own, "steps": STEPS}


def tune(pictures: Pictures, options: argparse.Namespace) -> None:
    """Print every point and, on the last line, the best of each method.

    Validation pictures are set aside before the growth: what was proposed and accepted is easier
    than the rest.
    """
    divisions = []
    for seed in range(FIRST_DIVISION, FIRST_DIVISION + options.seeds):
        inner = with_validation(pictures, VALIDATION, seed)
        divisions.append((seed, inner, grow(inner, options, seed)))
    chosen = {}
    for name in options.methods or METHODS:
        found = _search(name, divisions, options)
        chosen[name] = found
        say(f"{name}: {found}")
    print(json.dumps({"tuned": chosen}), flush=True)


def _search(
    name: str, divisions: list[tuple[int, Pictures, Growth]], options: argparse.Namespace
) -> dict[str, Any]:
    settings = plan(METHODS[name])
    best = {setting: values[0] for setting, values in settings.items()}
    reached = _measure(name, best, divisions, options)
    points = 1
    for setting, values in settings.items():
        for value in values[1:]:
            point = {**best, setting: value}
            top1 = _measure(name, point, divisions, options)
            points += 1
            if top1 > reached:
                best, reached = point, top1
    return {"settings": best, "top1": reached, "points": points}


def _measure(
    name: str,
    point: Mapping[str, Any],
    divisions: list[tuple[int, Pictures, Growth]],
    options: argparse.Namespace,
) -> float:
    """Top-1 on the validation pictures after the growth, the mean over the divisions."""
    results = []
    for seed, pictures, growth in divisions:
        config = MetricConfig.from_json({**config_of(name, seed, options).to_json(), **point})
        results.append(trained(head, pictures, growth.after, config))
    top1 = [each.top1 for each in results]
    seconds = statistics.mean(each.seconds for each in results)
    line = {"method": name, **point, "top1": top1, "seconds": round(seconds, 2)}
    print(json.dumps(line), flush=True)
    return statistics.mean(top1)
