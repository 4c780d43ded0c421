import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from models.config import MetricConfig
from models.losses import log_votes
from models.network import MetricModel, unit
from models.score import best_votes, score
from tests.models.clusters import clusters, trained


def test_scores_equal_a_naive_loop() -> None:
    model = trained(*clusters(4, 6))
    features, _ = clusters(4, 5, seed=1)
    ((category, confidence),) = score(model, [features])
    assert (category.dtype, confidence.dtype) == (torch.int64, torch.float32)
    for row, f in enumerate(model(features).tolist()):
        votes = [
            sum(
                math.exp(-5 * sum((a - b) ** 2 for a, b in zip(f, u, strict=True))) for u in anchors
            )
            for anchors in model.anchors.tolist()
        ]
        assert int(category[row]) == votes.index(max(votes))
        assert float(confidence[row]) == pytest.approx(max(votes) / sum(votes), abs=1e-5)


def test_chunks_change_nothing_and_stream() -> None:
    model = trained(*clusters(4, 6))
    features, _ = clusters(4, 5, seed=1)
    taken: list[int] = []

    def chunks() -> Iterator[Tensor]:
        for start in (0, 7, 14):
            taken.append(start)
            yield features[start : start + 7]

    parts = score(model, chunks())
    first = next(parts)
    assert taken == [0]
    rest = list(parts)
    ((category, confidence),) = score(model, [features])
    assert torch.cat([first[0], *(c for c, _ in rest)]).equal(category)
    torch.testing.assert_close(torch.cat([first[1], *(c for _, c in rest)]), confidence)


def test_confidence_of_the_argmax_is_at_least_one_in_n_and_at_most_one() -> None:
    model = trained(*clusters(4, 6))
    wild = torch.randn(500, 16, generator=torch.Generator().manual_seed(1)) * 1e3
    ((_, confidence),) = score(model, [wild])
    assert float(confidence.min()) >= 0.25
    assert float(confidence.max()) <= 1.0


def test_an_image_at_an_anchor_is_sure_of_it() -> None:
    anchors = torch.eye(8).view(8, 1, 8)
    assert log_votes(torch.eye(8), anchors, 5.0).argmax(1).tolist() == list(range(8))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_fast_votes_equal_those_by_logarithms(temperature: float) -> None:
    model = trained(*clusters(4, 6))
    model.temperature.fill_(temperature)
    model.anchors[2] += 40  # so far that its votes are lost to rounding
    embeddings = model(clusters(4, 25, seed=1)[0])
    for shift in (0.0, 40.0):
        model.anchors += shift  # then those of all
        expected = model.log_probabilities(embeddings).max(dim=1)
        category, confidence = best_votes(model, embeddings, rows=7)
        assert category.equal(expected.indices)
        torch.testing.assert_close(confidence, expected.values.exp(), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("categories", "anchors"), [(1, 1), (2, 3), (620, 3), (10_000, 2)])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_votes_of_few_and_of_many_categories_equal_those_by_logarithms(
    categories: int, anchors: int, temperature: float
) -> None:
    chance = torch.Generator().manual_seed(0)
    config = MetricConfig(dimension=8, anchors=anchors)
    model = MetricModel(features=8, categories=categories, config=config).requires_grad_(False)
    model.anchors += torch.randn(model.anchors.shape, generator=chance) / 2
    model.temperature.fill_(temperature)
    embeddings = unit(torch.randn(150, 8, generator=chance))
    expected = model.log_probabilities(embeddings).max(dim=1)
    category, confidence = best_votes(model, embeddings)
    assert category.equal(expected.indices)
    torch.testing.assert_close(confidence, expected.values.exp(), atol=1e-6, rtol=2e-5)


def test_empty_chunks_pass() -> None:
    model = trained(*clusters(2, 3))
    ((category, confidence),) = score(model, [torch.empty(0, 16)])
    assert len(category) == len(confidence) == 0
    assert list(score(model, [])) == []


def test_refusals_name_what_is_wrong() -> None:
    model = trained(*clusters(2, 3))
    good, bad = torch.ones(4, 16), torch.ones(4, 16)
    bad[1, 0] = math.inf
    with pytest.raises(ValueError, match="image 5 hold NaN or infinity"):
        list(score(model, [good, bad]))
    with pytest.raises(ValueError, match=r"\[b, 16\].*another backbone"):
        list(score(model, [torch.ones(4, 12)]))
