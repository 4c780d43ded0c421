import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.metrics import category_accuracy, confusion, mean_category_accuracy, top1


def test_a_known_confusion() -> None:
    counts = confusion(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1]), 3)
    assert counts.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert top1(counts) == pytest.approx(0.75)
    assert category_accuracy(counts)[:2].tolist() == pytest.approx([2 / 3, 1])
    assert math.isnan(category_accuracy(counts)[2])
    assert mean_category_accuracy(counts) == pytest.approx(5 / 6)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4))))
def test_counts_equal_a_loop(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T
    counts = confusion(labels, predicted, 5)
    assert counts.tolist() == [[pairs.count((i, j)) for j in range(5)] for i in range(5)]


def test_nothing_to_measure_is_not_a_number() -> None:
    counts = confusion(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64), 2)
    assert math.isnan(top1(counts))
    assert math.isnan(mean_category_accuracy(counts))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="one predicted category for each label"):
        confusion(torch.tensor([0, 1]), torch.tensor([0]), 2)
    with pytest.raises(ValueError, match="Each label must be from 0 to 1"):
        confusion(torch.tensor([2]), torch.tensor([0]), 2)
    with pytest.raises(ValueError, match="Each predicted category"):
        confusion(torch.tensor([0]), torch.tensor([-1]), 2)
