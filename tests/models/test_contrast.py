"""What stands beside a candidate, against a loop over everything."""

import pytest
import torch
from torch import Tensor

from models import contrast as subject
from models.config import MetricConfig
from models.contrast import Labeled, contrast
from models.network import MetricModel

N, K, D = 6, 3, 8


def unit_rows(rows: int, chance: torch.Generator) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, D, generator=chance), dim=1)


@pytest.fixture
def model() -> MetricModel:
    chance = torch.Generator().manual_seed(1)
    made = MetricModel(features=D, categories=N, config=MetricConfig(dimension=D, anchors=K))
    made.anchors.data = unit_rows(N * K, chance).view(N, K, D)
    return made


def distance(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).square().sum())


def naive_exemplars(model: MetricModel, x: Tensor, category: int, known: Labeled) -> list[int]:
    rows = [row for row, label in enumerate(known.labels.tolist()) if label == category]
    rows.sort(key=lambda row: distance(x, known.embeddings[row]))
    of_anchor: dict[int, int] = {}
    for row in rows:
        far = [
            distance(known.embeddings[row], anchor) for anchor in model.anchors[category].detach()
        ]
        of_anchor.setdefault(far.index(min(far)), row)
    first = [row for row in rows if row in of_anchor.values()]
    return (first + [row for row in rows if row not in first])[: subject.EXEMPLARS]


def naive_nearest(x: Tensor, category: int, known: Labeled, count: int) -> list[int]:
    rows = [row for row, label in enumerate(known.labels.tolist()) if label == category]
    return sorted(rows, key=lambda row: distance(x, known.embeddings[row]))[:count]


def without_nobody(row: Tensor) -> list[int]:
    return [value for value in row.tolist() if value != subject.NOBODY]


@pytest.mark.parametrize("block", [2**24, 16])
def test_it_is_what_a_loop_finds(
    model: MetricModel, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_BLOCK", block)
    chance = torch.Generator().manual_seed(0)
    candidates, asked = unit_rows(40, chance), torch.randint(N, (40,), generator=chance)
    # Category 5 has no example, category 0 two, and some have no refusal.
    labels = torch.cat([torch.zeros(2), torch.randint(1, 5, (58,), generator=chance)]).long()
    examples = Labeled.of(unit_rows(60, chance), labels[torch.randperm(60, generator=chance)], N)
    refused = torch.randint(3, (9,), generator=chance)
    rejected = Labeled.of(unit_rows(9, chance), refused, N)

    found = contrast(model, candidates, asked, examples, rejected)

    votes = model.log_probabilities(candidates)
    for index, (x, category) in enumerate(zip(candidates, asked.tolist(), strict=True)):
        order = votes[index].argsort(descending=True).tolist()
        others = [other for other in order if other != category]
        assert without_nobody(found.likely[index]) == others[: subject.LIKELY]
        assert int(found.rival[index]) == others[0]
        assert without_nobody(found.exemplars[index]) == naive_exemplars(
            model, x, category, examples
        )
        assert without_nobody(found.rivals[index]) == naive_nearest(
            x, others[0], examples, subject.RIVALS
        )
        assert without_nobody(found.rejected[index]) == naive_nearest(
            x, category, rejected, subject.REJECTED
        )


def test_every_mode_that_has_examples_is_shown(model: MetricModel) -> None:
    # Many examples lie at the first anchor, next to the candidate; one lies at each other anchor.
    anchors = model.anchors[0].detach()
    embeddings = torch.cat([anchors[:1].repeat(20, 1), anchors[1:]])
    examples = Labeled.of(embeddings, torch.zeros(22, dtype=torch.int64), N)
    nothing = Labeled.of(torch.empty(0, D), torch.empty(0, dtype=torch.int64), N)
    found = contrast(model, anchors[:1], torch.zeros(1, dtype=torch.int64), examples, nothing)
    assert {20, 21} < set(found.exemplars[0].tolist())
    assert found.exemplars[0, 0] < 20
    assert without_nobody(found.rejected[0]) == []


def test_two_categories_leave_one_likely(model: MetricModel) -> None:
    model = MetricModel(features=D, categories=2, config=MetricConfig(dimension=D, anchors=K))
    nothing = Labeled.of(torch.empty(0, D), torch.empty(0, dtype=torch.int64), 2)
    found = contrast(model, torch.eye(D)[:2], torch.tensor([0, 1]), nothing, nothing)
    assert found.likely.tolist() == [[1, -1, -1, -1, -1], [0, -1, -1, -1, -1]]
    assert found.rival.tolist() == [1, 0]


def test_no_candidate_is_no_work(model: MetricModel) -> None:
    nothing = Labeled.of(torch.empty(0, D), torch.empty(0, dtype=torch.int64), N)
    found = contrast(model, torch.empty(0, D), torch.empty(0, dtype=torch.int64), nothing, nothing)
    assert found.exemplars.shape == (0, 6)
    assert found.likely.shape == (0, 5)


def test_an_asked_category_for_each_candidate(model: MetricModel) -> None:
    nothing = Labeled.of(torch.empty(0, D), torch.empty(0, dtype=torch.int64), N)
    with pytest.raises(ValueError, match="2 embeddings"):
        contrast(model, torch.eye(D)[:2], torch.tensor([0]), nothing, nothing)
