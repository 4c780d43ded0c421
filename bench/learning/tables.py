"""Results as JSON and as tables for people."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.learning.training import Result
from models.methods import METHODS

GROWTH = ("Softmax", "Softmax+HNS", "Softmax+HNM", "Triplet-A", "Triplet-A+HN")  # table 2.3


def without_rejected(name: str) -> str:
    """What the method is before there are hard negatives."""
    return name.partition("+")[0]


def growth_of(
    before: Mapping[str, Sequence[Result]], after: Mapping[str, Sequence[Result]]
) -> dict[str, dict[str, list[float]]]:
    """Top-1 of each seed: with the seeds, with the accepted, with the hard negatives too."""
    return {
        name: {
            "before": [each.top1 for each in before[without_rejected(name)]],
            "after": [each.top1 for each in after[without_rejected(name)]],
            "after_hn": [each.top1 for each in after[name]],
        }
        for name in GROWTH
        if name in after and without_rejected(name) in after
    }


def summary(found: Sequence[Result]) -> dict[str, Any]:
    """One method over the seeds."""
    return {
        "top1": [each.top1 for each in found],
        "mean_class": [each.mean_class for each in found],
        "calibration_error": [each.calibration for each in found],
        "seconds": round(statistics.mean(each.seconds for each in found), 2),
        "peak_mb": round(max(each.peak_mb for each in found)),
    }


def proposals_of(after: Mapping[str, Sequence[Result]]) -> dict[str, dict[str, list[float]]]:
    """What each method would ask next, seed by seed; empty if nothing of the pool was spared."""
    judged = {name: [each.proposals for each in found] for name, found in after.items()}
    return {
        name: {
            "average_precision": [each.average_precision for each in found if each],
            "precision": [each.precision for each in found if each],
            "asked": [each.asked for each in found if each],
            "right": [each.right for each in found if each],
        }
        for name, found in judged.items()
        if any(found)
    }


def show(result: Mapping[str, Any]) -> None:
    """All tables."""
    for title, table in (
        ("before growth", result["methods_before"]),
        ("after growth", result["methods"]),
    ):
        print(f"\n{title:18} top-1          mean class     error of confidence  seconds  MB")
        for name, row in table.items():
            print(
                f"{name:18} {spread(row['top1'])}   {spread(row['mean_class'])}   "
                f"{spread(row['calibration_error'])}         {row['seconds']:7.1f}  {row['peak_mb']}"
            )
    print("\ngrowth             before         accepted       and hard negatives")
    for name, row in result["growth"].items():
        print(f"{name:18} " + "   ".join(spread(row[k]) for k in ("before", "after", "after_hn")))
    for name, row in result["calibration"].items():
        print(f"calibration {name}: {spread(row['off'])} -> {spread(row['on'])}")
    if result["next_proposals"]:
        print("\nnext proposals     av. precision  precision      above threshold, right")
    for name, row in result["next_proposals"].items():
        print(
            f"{name:18} {spread(row['average_precision'])}   {spread(row['precision'])}   "
            f"{statistics.mean(row['asked']):7.1f} {statistics.mean(row['right']):7.1f}"
        )
    _show_pairs(result)


def _show_pairs(result: Mapping[str, Any]) -> None:
    """What human hard negatives add, seed by seed: the spread between seeds is not in it."""
    print("\nwhat hard negatives add, in points, seed by seed")
    for name, method in METHODS.items():
        plain = without_rejected(name)
        if not method.rejected or name not in result["methods"] or plain not in result["methods"]:
            continue
        line = f"{name:18} top-1 " + _gains(result["methods"], plain, name, "top1")
        if name in result["next_proposals"]:
            both = result["next_proposals"]
            line += "   average precision " + _gains(both, plain, name, "average_precision")
            line += "   precision " + _gains(both, plain, name, "precision")
        print(line)


def _gains(table: Mapping[str, Any], plain: str, name: str, key: str) -> str:
    pairs = zip(table[plain][key], table[name][key], strict=True)
    return " ".join(f"{100 * (with_them - without):+.2f}" for without, with_them in pairs)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation in percent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):5.2f} +- {100 * deviation:4.2f}"
