import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models import sampling
from models.config import MetricConfig
from models.network import unit
from models.sampling import NONE, Triplets, TripletSampler

CONFIG = MetricConfig(negatives=3, margin=0.2)


def embeddings(count: int, seed: int, width: int = 3) -> Tensor:
    return unit(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)))


def draw(
    x: Tensor,
    labels: Tensor,
    rejected: Tensor | None = None,
    against: Tensor | None = None,
    *,
    config: MetricConfig = CONFIG,
    references: Tensor | None = None,
    seed: int = 0,
) -> Triplets:
    rejected = x[:0] if rejected is None else rejected
    against = labels[:0] if against is None else against
    categories = int(torch.cat([labels, against]).max()) + 1
    sampler = TripletSampler(labels, against, categories=categories, config=config)
    references = torch.arange(len(labels)) if references is None else references
    return sampler.sample(x, rejected, references, torch.Generator().manual_seed(seed))


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().sum())


def local_region(x: Tensor, labels: Tensor, row: int, share: float) -> set[int]:
    others = [i for i in range(len(x)) if labels[i] == labels[row] and i != row]
    others.sort(key=lambda i: distance(x[row], x[i]))
    return set(others[: max(1, math.ceil(share * len(others)))]) if others else set()


def violators(x: Tensor, row: int, positive: int, rows: list[int], pool: Tensor) -> set[int]:
    limit = distance(x[row], x[positive]) + CONFIG.margin
    return {i for i in rows if distance(x[row], pool[i]) < limit}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=25), st.integers(0, 1000))
def test_every_triplet_keeps_the_rules_of_a_naive_loop(categories: list[int], seed: int) -> None:
    labels = torch.tensor(categories)
    x, rejected = embeddings(len(labels), seed), embeddings(10, seed + 1)
    against = torch.randint(0, 5, (10,), generator=torch.Generator().manual_seed(seed))
    found = draw(x, labels, rejected, against, seed=seed)
    for row in range(len(labels)):
        region = local_region(x, labels, row, CONFIG.local_region)
        positive = int(found.positive[row])
        negative, banned = set(found.negative[row].tolist()), set(found.rejected[row].tolist())
        if not region:
            assert positive == NONE
            assert negative == banned == {NONE}
            continue
        assert positive in region
        foreign = [i for i in range(len(labels)) if labels[i] != labels[row]]
        assert negative <= (violators(x, row, positive, foreign, x) or {NONE})
        own = [i for i in range(10) if against[i] == labels[row]]
        assert banned <= (violators(x, row, positive, own, rejected) or {NONE})


def test_every_positive_of_the_region_and_every_violator_is_drawn_alike() -> None:
    labels = torch.tensor([0] * 6 + [1] * 8)
    x = embeddings(14, 3)
    found = draw(x, labels, references=torch.zeros(6000, dtype=torch.int64))
    positives = Counter(found.positive.tolist())
    assert set(positives) == local_region(x, labels, 0, 0.6)
    assert min(positives.values()) > 6000 / len(positives) * 0.9
    for positive in positives:
        rows = found.negative[found.positive == positive].flatten().tolist()
        drawn = Counter(rows)
        allowed = violators(x, 0, positive, list(range(6, 14)), x) or {NONE}
        assert set(drawn) == allowed  # not the hardest only
        assert min(drawn.values()) > len(rows) / len(drawn) * 0.85


def test_of_two_images_each_is_the_positive_of_the_other() -> None:
    found = draw(embeddings(4, 0), torch.tensor([0, 0, 1, 1]))
    assert found.positive.tolist() == [1, 0, 3, 2]


def test_a_lone_image_has_no_triplet_but_is_a_negative() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    found = draw(x, torch.tensor([0, 0, 1]), x[:1], torch.tensor([1]))
    assert found.positive.tolist() == [1, 0, NONE]
    assert found.negative.tolist() == [[2] * 3, [2] * 3, [NONE] * 3]
    assert found.rejected[2].tolist() == [NONE] * 3


def test_a_rejected_image_is_a_negative_of_its_category_alone() -> None:
    x = torch.zeros(6, 2) + torch.tensor([1.0, 0.0])  # all violate: every distance is 0
    labels, against = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([1])
    found = draw(x, labels, x[:1], against)
    assert found.rejected.tolist() == [[NONE] * 3] * 2 + [[0] * 3] * 2 + [[NONE] * 3] * 2


def test_as_many_human_negatives_as_others() -> None:
    x = torch.ones(40, 1)
    against = torch.zeros(7000, dtype=torch.int64)  # thousands for one category, none for another
    found = draw(x, torch.arange(40) % 2, torch.ones(7000, 1), against)
    first = torch.arange(40) % 2 == 0
    assert (found.negative != NONE).all()
    assert ((found.rejected != NONE).sum(1) == 3).equal(first)
    assert len(found.rejected[first].unique()) > 50


def test_the_size_of_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = torch.arange(60) % 7
    against = torch.arange(30) % 7
    x, rejected = embeddings(60, 1), embeddings(30, 2)
    whole = draw(x, labels, rejected, against)
    monkeypatch.setattr(sampling, "_CELLS", 1)
    parts = draw(x, labels, rejected, against)
    assert whole.positive.equal(parts.positive)
    assert whole.negative.equal(parts.negative)
    assert whole.rejected.equal(parts.rejected)


def test_the_generator_alone_decides() -> None:
    x, labels = embeddings(50, 5), torch.arange(50) % 5
    one, same, other = (draw(x, labels, seed=seed) for seed in (1, 1, 2))
    assert one.positive.equal(same.positive)
    assert one.negative.equal(same.negative)
    assert not one.negative.equal(other.negative)


def test_no_references_no_triplets() -> None:
    none = torch.empty(0, dtype=torch.int64)
    found = draw(embeddings(4, 0), torch.tensor([0, 0, 1, 1]), references=none)
    assert found.negative.shape == (0, 3)
