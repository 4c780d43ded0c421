import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.losses import (
    classification_loss,
    log_votes,
    squared_distances,
    total_loss,
    triplet_losses,
)
from models.network import unit

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**31)


def vectors(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive_distance(a: Tensor, b: Tensor) -> float:
    return sum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True))


@given(sizes, sizes, sizes, seeds)
def test_distances_equal_a_loop(a: int, b: int, d: int, seed: int) -> None:
    left, right = vectors(a, d, seed=seed), vectors(b, d, seed=seed + 1)
    found = squared_distances(left, right)
    for i in range(a):
        for j in range(b):
            assert float(found[i, j]) == pytest.approx(naive_distance(left[i], right[j]), abs=1e-9)


@given(sizes, seeds)
def test_distances_are_never_negative_and_zero_to_itself(d: int, seed: int) -> None:
    left = unit(vectors(20, d, seed=seed).float())
    found = squared_distances(left, left)
    assert (found >= 0).all()
    assert found.diagonal().max() < 1e-5


@given(sizes, sizes, seeds, st.floats(0, 2))
def test_triplet_losses_equal_a_loop(count: int, d: int, seed: int, margin: float) -> None:
    x, p, n = vectors(3, count, d, seed=seed)
    found = triplet_losses(x, p, n, margin)
    for i in range(count):
        expected = max(0.0, naive_distance(x[i], p[i]) - naive_distance(x[i], n[i]) + margin)
        assert float(found[i]) == pytest.approx(expected, abs=1e-9)


def test_a_known_triplet() -> None:
    x, p, n = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 0.0])
    assert float(triplet_losses(x, p, n, 0.2)) == 0.0  # 2 - 4 + 0.2
    assert float(triplet_losses(x, n, p, 0.2)) == pytest.approx(2.2)  # 4 - 2 + 0.2


@given(sizes, sizes, sizes, seeds, st.floats(0.1, 10))
def test_votes_equal_a_loop(n: int, k: int, d: int, seed: int, gamma: float) -> None:
    x, anchors = unit(vectors(3, d, seed=seed)), unit(vectors(n * k, d, seed=seed + 1))
    anchors = anchors.view(n, k, d)
    found = log_votes(x, anchors, gamma).exp()
    for b in range(3):
        votes = [
            sum(math.exp(-gamma * naive_distance(x[b], anchors[i, j])) for j in range(k))
            for i in range(n)
        ]
        for i in range(n):
            assert float(found[b, i]) == pytest.approx(votes[i] / sum(votes), abs=1e-9)


def test_a_known_vote() -> None:
    anchors = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # squared distances 0 and 2
    found = log_votes(torch.tensor([[1.0, 0.0]]), anchors, 5.0).exp()
    assert float(found[0, 0]) == pytest.approx(1 / (1 + math.exp(-10)))


def test_votes_stay_finite_far_from_every_anchor() -> None:
    anchors = torch.tensor([[[100.0, 0.0]], [[0.0, 120.0]]])
    found = log_votes(torch.zeros(1, 2), anchors, 5.0)
    assert found.isfinite().all()
    assert float(found.exp().sum()) == pytest.approx(1)
    assert int(found.argmax()) == 0


@given(seeds)
def test_equal_anchors_vote_as_one(seed: int) -> None:
    x, single = vectors(4, 5, seed=seed), vectors(3, 1, 5, seed=seed + 1)
    torch.testing.assert_close(log_votes(x, single.repeat(1, 4, 1), 2.0), log_votes(x, single, 2.0))


def test_losses_of_a_batch() -> None:
    logs = torch.log(torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
    found = classification_loss(logs, torch.tensor([0, 0]))
    assert float(found) == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert float(total_loss(torch.tensor(3.0), torch.tensor(1.0), 0.1)) == pytest.approx(1.2)
