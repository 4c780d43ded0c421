"""The loop of the paper over cached features: the product's method asks, an expert answers."""

import argparse
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.domain.proposing import Score, propose
from bench.learning.pictures import Pictures, seeds_and_pool
from bench.learning.settings import config_of
from bench.learning.training import Dataset, answers, fitted
from bench.watching import say
from models.methods import DEFAULT
from models.neighbours import centre_of, nearly_equal


@dataclass(frozen=True)
class Growth:
    """What the rounds made of the seeds.

    Attributes:
        before: the seeds.
        after: the seeds and all that was answered.
        rounds: what each round brought.
        ahead: int64 [a], rows of the pool that nobody was asked about: the next round's candidates.
    """

    before: Dataset
    after: Dataset
    rounds: list[dict[str, int]]
    ahead: Tensor


def grow(pictures: Pictures, options: argparse.Namespace, seed: int) -> Growth:
    """Disjoint parts of the pool, proposals above the threshold, an expert who knows the truth.

    Pictures nearly equal to one of the test split are neither trained on nor proposed.
    """
    seeds, pool = seeds_and_pool(pictures, options.per_category, seed)
    test = pictures.features[pictures.test]
    centre = centre_of(pictures.features[seeds])
    leaked = nearly_equal(pictures.features[seeds], test, centre)
    withheld = nearly_equal(pictures.features[pool], test, centre)
    hidden = set(pool[withheld].tolist())
    none = torch.empty(0, dtype=torch.int64)
    first = now = Dataset(_never_emptied(seeds, leaked, pictures.truth), none, none)
    spared = round(options.ahead * len(pool))
    rounds = []
    config = replace(config_of(DEFAULT, seed, options), calibrate=options.calibrate)
    for number, part in enumerate(pool[spared:].tensor_split(options.rounds)):
        say(f"seed {seed}, growth: round {number + 1} of {options.rounds}")
        category, confidence = answers(fitted(pictures, now, config), pictures.features[part])
        scores = map(Score, part.tolist(), category.tolist(), confidence.tolist())
        rejected = set(zip(now.rejected.tolist(), now.against.tolist(), strict=True))
        kept_scores = propose(
            scores, threshold=options.threshold, rejected=rejected, withheld=hidden
        )
        asked = torch.tensor([(s.image_id, s.category_id) for s in kept_scores]).long().view(-1, 2)
        yes = pictures.truth[asked[:, 0]] == asked[:, 1]
        now = Dataset(
            torch.cat([now.train, asked[yes, 0]]),
            torch.cat([now.rejected, asked[~yes, 0]]),
            torch.cat([now.against, asked[~yes, 1]]),
        )
        rounds.append({"proposals": len(asked), "yes": int(yes.sum()), "no": int((~yes).sum())})
    return Growth(first, now, rounds, ahead=pool[:spared][~withheld[:spared]])


def _never_emptied(rows: Tensor, leaked: Tensor, truth: Tensor) -> Tensor:
    """Without the leaked rows, but for those of a category that would be left without any."""
    left = truth[rows[~leaked]].bincount(minlength=int(truth.max()) + 1)
    return rows[~leaked | (left[truth[rows]] == 0)]
