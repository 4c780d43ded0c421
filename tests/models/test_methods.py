import math

import pytest
import torch
from torch import Tensor

from models import checkpoint
from models.config import MetricConfig
from models.methods import METHODS, Extra
from models.metrics import calibration_error
from models.network import SoftmaxModel
from models.objective import objective_of
from models.score import score
from models.train import fit
from tests.models.clusters import NO_CATEGORIES, clusters, trained


def quick(method: str, **settings: object) -> MetricConfig:
    values = {"dimension": 8, "steps": 60, "sampling_period": 10, "batch_size": 32}
    return MetricConfig.from_json({**values, "method": method, **settings})


def accuracy(model: torch.nn.Module, features: Tensor, labels: Tensor) -> float:
    ((predicted, _),) = score(model, [features])  # type: ignore[arg-type]
    return float((predicted == labels).float().mean())


def test_the_methods_of_the_paper_are_all_there() -> None:
    assert list(METHODS) == [
        "Softmax",
        "Softmax+HNS",
        "Softmax+HNM",
        "Triplet-Naive",
        "Triplet-Naive+HN",
        "Triplet-HN",
        "Triplet-HN+HN",
        "Triplet-M",
        "Triplet-M+HN",
        "Triplet-A",
        "Triplet-A+HN",
    ]


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'Triplet-B'.*Triplet-A\+HN"):
        MetricConfig(method="Triplet-B")


@pytest.mark.parametrize("start", ["directions", "random"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_scores_and_comes_back(method: str, start: str) -> None:
    rejected, against = clusters(5, 2, seed=7)
    config = quick(method, start=start, learning_rate=0.01, steps=100)
    model = trained(*clusters(5, 8), rejected, (against + 1) % 5, config)
    unseen = clusters(5, 40, seed=1)
    assert accuracy(model, *unseen) > 0.9
    logs = model.log_probabilities(model(unseen[0]))
    assert logs.shape == (200, 5)
    assert (logs.exp().sum(1) < 1.0001).all()
    content = checkpoint.to_bytes(model)
    back = checkpoint.from_bytes(content)
    assert type(back) is type(model)
    assert back.log_probabilities(back(unseen[0])).equal(logs)
    assert checkpoint.to_bytes(back) == content


@pytest.mark.parametrize("method", METHODS)
def test_only_methods_with_hard_negatives_are_moved_by_them(method: str) -> None:
    data = clusters(4, 6)
    rejected, against = clusters(4, 12, seed=5)
    one = trained(*data, config=quick(method, omega=0.5))
    other = trained(*data, rejected, against, quick(method, omega=0.5))  # they violate
    same = all(a.equal(b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert same == (not METHODS[method].rejected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("each", [1, 2])
def test_one_or_two_images_a_category_are_enough_for_every_method(method: str, each: int) -> None:
    model = trained(*clusters(5, each), config=quick(method))
    assert accuracy(model, *clusters(5, 20, seed=1)) > 0.8


@pytest.mark.parametrize("method", METHODS)
def test_identical_images_give_finite_numbers_in_every_method(method: str) -> None:
    features = torch.ones(6, 16)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    model = trained(features, labels, features, labels * 0, quick(method))
    ((_, confidence),) = score(model, [features])
    assert confidence.isfinite().all()


@pytest.mark.parametrize("method", ["Softmax", "Triplet-M", "Triplet-A+HN"])
def test_ten_thousand_categories(method: str) -> None:
    features, labels = clusters(10_000, 2)
    rejected, against = features[:50], (labels[:50] + 1) % 10_000
    model = trained(features, labels, rejected, against, quick(method, steps=2))
    assert model.log_probabilities(model(features[:3])).shape == (3, 10_000)


@pytest.mark.parametrize("method", METHODS)
def test_two_categories(method: str) -> None:
    model = trained(*clusters(2, 6), config=quick(method))
    assert accuracy(model, *clusters(2, 40, seed=1)) > 0.95


def batch_of(method: str, **settings: object) -> tuple[object, Tensor, Tensor]:
    labels, against = torch.arange(40) % 4, torch.arange(12) % 4
    model = trained(*clusters(4, 3), config=quick(method, steps=1, **settings))
    objective = objective_of(model, labels, against)
    x = torch.nn.functional.normalize(torch.randn(52, 8, generator=torch.Generator()), dim=1)
    chance = torch.Generator().manual_seed(0)
    (batch,) = objective.batches(1, lambda: (x[:40], x[40:]), chance)
    return batch, labels, against


@pytest.mark.parametrize("method", ["Triplet-Naive+HN", "Triplet-A+HN"])
def test_triplets_point_at_positives_and_negatives(method: str) -> None:
    batch, labels, against = batch_of(method)
    of = torch.cat([labels[batch.examples], against[batch.rejected]])  # type: ignore[attr-defined]
    reference, positive, negative = batch.triplets  # type: ignore[attr-defined]
    assert (of[reference] == of[positive]).all()
    human = negative >= len(batch.examples)  # type: ignore[attr-defined]
    assert human.any()
    assert not human.all()
    assert (of[reference][human] == of[negative][human]).all()  # rejected FOR that category
    assert (of[reference][~human] != of[negative][~human]).all()
    assert batch.targets.equal(labels[batch.examples[:32]])  # type: ignore[attr-defined]


@pytest.mark.parametrize("extra", [Extra.SINGLE, Extra.MULTIPLE])
def test_softmax_gives_hard_negatives_classes_of_their_own(extra: Extra) -> None:
    method = "Softmax+HNS" if extra is Extra.SINGLE else "Softmax+HNM"
    batch, _, against = batch_of(method, rejected_epochs=1.0)
    targets = batch.targets[32:]  # type: ignore[attr-defined]
    rejected = batch.rejected  # type: ignore[attr-defined]
    assert len(targets) == round(32 / 40 * 12)
    expected = torch.full_like(targets, 4) if extra is Extra.SINGLE else 4 + against[rejected]
    assert targets.equal(expected)


def test_hard_negatives_lower_the_confidence_of_a_softmax_in_what_resembles_them() -> None:
    data = clusters(4, 8)
    strangers, _ = clusters(1, 30, seed=3)  # they look like category 0 and were rejected for it
    against = torch.zeros(30, dtype=torch.int64)
    config = quick("Softmax+HNS", rejected_epochs=1.0, learning_rate=0.01)
    model = trained(*data, strangers, against, config)
    without = trained(*data, config=quick("Softmax", learning_rate=0.01))
    assert isinstance(model, SoftmaxModel)

    def sure(of: torch.nn.Module) -> float:
        ((_, confidence),) = score(of, [strangers])  # type: ignore[arg-type]
        return float(confidence.mean())

    assert sure(model) < sure(without) - 0.1


@pytest.mark.parametrize("method", ["Softmax", "Softmax+HNM", "Triplet-A+HN"])
def test_calibration_lowers_the_error_of_confidence_and_no_accuracy(method: str) -> None:
    features, labels = clusters(8, 30)
    wild = features + 1.5 * torch.randn(features.shape, generator=torch.Generator().manual_seed(2))
    unseen, truth = clusters(8, 60, seed=1)
    unseen += 1.5 * torch.randn(unseen.shape, generator=torch.Generator().manual_seed(3))
    errors, answers = [], []
    for calibrate in (False, True):
        config = quick(method, calibrate=calibrate, steps=100, learning_rate=0.01, gamma=1.0)
        model = trained(wild, labels, config=config)
        ((predicted, confidence),) = score(model, [unseen])
        answers.append(predicted)
        errors.append(calibration_error(confidence, predicted == truth))
    assert answers[0].equal(answers[1])
    assert errors[1] < errors[0]
    assert errors[1] < 0.08


def test_calibration_counts_its_steps_and_needs_no_spare_images() -> None:
    calls: list[tuple[int, int]] = []
    fit(
        *clusters(3, 1),
        torch.empty(0, 16),
        NO_CATEGORIES,
        categories=3,
        config=quick("Triplet-A", calibrate=True),
        progress=lambda step, steps: calls.append((step, steps)),
    )
    assert calls[0] == (0, 120)
    assert calls[-1] == (120, 120)


def test_half_precision_features_learn_alike() -> None:
    features, labels = clusters(5, 8)
    whole = trained(features, labels)
    half = trained(features.half(), labels)
    unseen, _ = clusters(5, 40, seed=1)
    one, other = (m.log_probabilities(m(unseen)).exp() for m in (whole, half))
    assert (one.argmax(1) == other.argmax(1)).float().mean() > 0.97
    assert math.isfinite(float(other.sum()))
