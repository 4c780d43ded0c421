"""All methods of chapter 2 on real pictures: `python -m bench.learning --images DIR --weights FILE`.

The pictures of a folder are cut into a frozen test split, some seed pictures a category, and a
pool. The product's method grows the dataset out of the pool, a simulated expert who knows the truth
answers its proposals, and then every method is trained on what there is: the seeds, the grown
dataset, the grown dataset and the expert's hard negatives. Each seed of `--seeds` draws other seed
pictures and other random numbers; the test split stays. Progress goes to stderr, tables and the last
line, one JSON object, to stdout.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from bench.learning import pictures as folder
from bench.learning.growth import grow
from bench.learning.settings import config_of, parse
from bench.learning.tables import growth_of, proposals_of, show, summary
from bench.learning.training import Result, finetuning, head, trained
from bench.learning.tuning import tune
from bench.watching import say
from models.methods import METHODS

CALIBRATED = ("Softmax", "Triplet-A", "Triplet-A+HN")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    options = parse(arguments, __doc__)
    torch.set_num_threads(options.threads)
    if options.tune:
        tune(folder.read(options), options)
        return
    result = compare(options)
    if not options.json:
        show(result)
    print(json.dumps(result), flush=True)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Every method on every seed."""
    pictures = folder.read(options)
    trainer = head if options.mode == "head" else finetuning(options)
    names = options.methods or list(METHODS)
    after: dict[str, list[Result]] = {name: [] for name in names}
    before: dict[str, list[Result]] = {name: [] for name in names if not METHODS[name].rejected}
    twice = () if options.skip_calibration or options.mode != "head" else CALIBRATED
    calibrated: dict[str, list[Result]] = {name: [] for name in twice if name in names}
    rounds = []
    for seed in range(options.seeds):
        growth = grow(pictures, options, seed)
        rounds.append(growth.rounds)
        for name, found in before.items():
            say(f"seed {seed}, before growth: {name}")
            config = config_of(name, seed, options)
            found.append(trained(trainer, pictures, growth.before, config))
        for name, found in after.items():
            say(f"seed {seed}, after growth: {name}")
            config = config_of(name, seed, options)
            found.append(
                trained(
                    trainer,
                    pictures,
                    growth.after,
                    config,
                    ahead=growth.ahead,
                    threshold=options.threshold,
                )
            )
        for name, found in calibrated.items():
            config = replace(config_of(name, seed, options), calibrate=True)
            found.append(trained(trainer, pictures, growth.after, config))
    return {
        "images": options.images.name,
        "mode": options.mode,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "categories": len(pictures.names),
        "test": int(pictures.test.sum()),
        "rounds": rounds,
        "methods": {name: summary(found) for name, found in after.items()},
        "methods_before": {name: summary(found) for name, found in before.items()},
        "growth": growth_of(before, after),
        "calibration": {
            name: {
                "off": [each.calibration for each in after[name]],
                "on": [each.calibration for each in found],
            }
            for name, found in calibrated.items()
        },
        "next_proposals": proposals_of(after),
    }


if __name__ == "__main__":
    main()
