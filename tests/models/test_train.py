import dataclasses
import math

import pytest
import torch
from torch import Tensor

from models.checkpoint import to_bytes
from models.config import MetricConfig
from models.network import MetricModel
from models.score import score
from models.train import CURVE_POINTS, Cancelled, fit
from tests.models.clusters import NO_CATEGORIES, NO_FEATURES, QUICK, clusters, trained


def accuracy(model: torch.nn.Module, features: Tensor, labels: Tensor) -> float:
    ((predicted, _),) = score(model, [features])  # type: ignore[arg-type]
    return float((predicted == labels).float().mean())


def test_clusters_are_learned() -> None:
    model = trained(*clusters(5, 8))
    assert accuracy(model, *clusters(5, 40, seed=1)) > 0.97


def test_training_lowers_the_loss_of_unseen_images() -> None:
    features, labels = clusters(6, 10)
    unseen, truth = clusters(6, 40, seed=1)
    losses = []
    for steps in (1, 60):
        model = trained(features, labels, config=MetricConfig(dimension=8, steps=steps))
        logs = model.log_probabilities(model(unseen))
        losses.append(float(-logs.gather(1, truth[:, None]).mean()))
    assert losses[1] < losses[0]


def test_a_seed_decides_everything() -> None:
    data = clusters(4, 6)
    rejected, against = clusters(4, 3, seed=5)
    one, same = (to_bytes(trained(*data, rejected, against)) for _ in range(2))
    other = trained(*data, rejected, against, MetricConfig(**{**QUICK.to_json(), "seed": 1}))
    assert one == same
    assert one != to_bytes(other)


@pytest.mark.parametrize("each", [1, 2])
def test_one_or_two_images_a_category_are_enough_to_start(each: int) -> None:
    model = trained(*clusters(5, each))
    assert accuracy(model, *clusters(5, 20, seed=1)) > 0.8


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_images_identical_gives_finite_numbers(value: float) -> None:
    features = torch.full((6, 16), value)
    model = trained(features, torch.tensor([0, 0, 0, 1, 1, 1]), features, torch.zeros(6).long())
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    ((_, confidence),) = score(model, [features])
    assert confidence.isfinite().all()


def test_a_single_category() -> None:
    features, labels = clusters(1, 4)
    ((category, confidence),) = score(trained(features, labels), [features])
    assert category.tolist() == [0] * 4
    assert confidence.tolist() == pytest.approx([1.0] * 4)


def test_more_dimensions_than_features() -> None:
    config = MetricConfig(dimension=40, steps=60, batch_size=32)
    model = trained(*clusters(5, 8), config=config)
    assert accuracy(model, *clusters(5, 40, seed=1)) > 0.97


def test_thousands_of_rejected_images_for_one_category_alone() -> None:
    features, labels = clusters(3, 6)
    stranger = torch.randn(16, generator=torch.Generator().manual_seed(1))
    rejected = stranger + 0.1 * torch.randn(3000, 16, generator=torch.Generator().manual_seed(2))
    model = trained(features, labels, rejected, torch.zeros(3000, dtype=torch.int64))
    assert accuracy(model, *clusters(3, 20, seed=1)) > 0.95


def test_rejected_images_move_away_from_the_category_they_are_not() -> None:
    """Strangers halfway between two categories were rejected for the first of them only."""
    features, labels = clusters(4, 8)
    between = (features[labels == 0].mean(0) + features[labels == 1].mean(0)) / 2
    strangers = between + 0.2 * torch.randn(30, 16, generator=torch.Generator().manual_seed(3))
    config = MetricConfig(dimension=8, steps=150, omega=0.5, batch_size=32, learning_rate=0.01)

    def share_of_first(rejected: Tensor) -> float:
        against = torch.zeros(len(rejected), dtype=torch.int64)
        model = trained(features, labels, rejected, against, config)
        return float(model.log_probabilities(model(strangers)).exp()[:, 0].mean())

    assert share_of_first(strangers) < share_of_first(strangers[:0]) - 0.1


def test_progress_grows_to_the_number_of_steps() -> None:
    features, labels = clusters(3, 4)
    calls: list[tuple[int, int]] = []
    fit(
        features,
        labels,
        NO_FEATURES,
        NO_CATEGORIES,
        categories=3,
        config=QUICK,
        progress=lambda step, steps: calls.append((step, steps)),
    )
    assert calls[0] == (0, 60)
    assert calls[-1] == (60, 60)
    assert calls == sorted(calls)


@pytest.mark.parametrize("steps", [7, 60, 230])
def test_the_curve_has_few_points_and_changes_nothing(steps: int) -> None:
    features, labels = clusters(3, 8)
    config = dataclasses.replace(QUICK, steps=steps, calibrate=True)
    data = (features, labels, NO_FEATURES, NO_CATEGORIES)
    points: list[tuple[int, float]] = []
    watched = fit(*data, categories=3, config=config, curve=lambda *point: points.append(point))
    assert to_bytes(watched) == to_bytes(fit(*data, categories=3, config=config))
    assert len(points) <= CURVE_POINTS
    assert [step for step, _ in points] == sorted({step for step, _ in points})
    assert points[-1][0] == steps
    assert all(math.isfinite(loss) and loss >= 0 for _, loss in points)


@pytest.mark.parametrize(
    ("method", "looks"), [("Triplet-A+HN", 10), ("Softmax", 10), ("Triplet-M", 1)]
)
def test_who_looks_sees_the_model_as_it_becomes_and_changes_nothing(
    method: str, looks: int
) -> None:
    features, labels = clusters(3, 8)
    config = dataclasses.replace(QUICK, method=method, steps=60, calibrate=True)
    data = (features, labels, NO_FEATURES, NO_CATEGORIES)
    seen: list[tuple[int, Tensor]] = []

    def look(step: int, model: MetricModel) -> None:
        ((predicted, _),) = score(model, [features])
        seen.append((step, predicted))

    watched = fit(*data, categories=3, config=config, look=look)
    assert to_bytes(watched) == to_bytes(fit(*data, categories=3, config=config))
    assert [step for step, _ in seen] == list(range(60 // looks, 61, 60 // looks))
    ((predicted, _),) = score(watched, [features])
    assert torch.equal(seen[-1][1], predicted)


def test_stopping_is_heard_during_training() -> None:
    features, labels = clusters(3, 4)
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        fit(
            features,
            labels,
            NO_FEATURES,
            NO_CATEGORIES,
            categories=3,
            config=QUICK,
            should_stop=lambda: next(answers),
        )


def refused(
    features: Tensor,
    labels: Tensor,
    rejected: Tensor = NO_FEATURES,
    against: Tensor = NO_CATEGORIES,
    categories: int = 3,
) -> str:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        fit(features, labels, rejected, against, categories=categories, config=QUICK)
    return str(caught.value)


def test_refusals_name_what_is_wrong() -> None:
    x, y = clusters(3, 4)
    broken = x.clone()
    broken[5, 3] = math.nan
    assert "no examples" in refused(x[:0], y[:0])
    assert "Category 2 has no example" in refused(x[:8], y[:8])
    assert "example 5 hold NaN" in refused(broken, y)
    assert "rejected image 5 hold NaN" in refused(x, y, broken, y)
    assert "example 8 is 2" in refused(x, y, categories=2)
    assert "rejected image 1 is -1" in refused(x, y, x[:2], torch.tensor([0, -1]))
    assert "same backbone" in refused(x, y, torch.empty(0, 7))
    assert "one int64 category for each example" in refused(x, y[:5])
    assert "one int64 category for each example" in refused(x, y.float())
    assert "[rows, D]" in refused(x[0], y)
