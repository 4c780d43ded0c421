import dataclasses
import json

import pytest
import safetensors.torch
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from models import checkpoint, coarse_filter
from models.coarse_filter import CoarseFilter, fit, from_bytes, to_bytes
from models.metrics import roc_auc
from models.network import unit


def clouds(
    positives: int, negatives: int, width: int = 24, apart: float = 0.25, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features as a backbone gives them: positive, overlapping a little."""
    chance = torch.Generator().manual_seed(seed)
    shift = apart * torch.randn(width, generator=chance)
    inside = (2 + shift + torch.randn(positives, width, generator=chance)).relu()
    return inside, (2 + torch.randn(negatives, width, generator=chance)).relu()


def trained(**values: object) -> CoarseFilter:
    positives, negatives = clouds(120, 40)
    return fit(positives, negatives, fingerprint="f" * 64, **values)  # type: ignore[arg-type]


def test_the_weights_are_those_of_another_solver() -> None:
    positives, negatives = clouds(150, 50)
    found = fit(positives, negatives, fingerprint="f")
    inputs = ((unit(torch.cat([positives, negatives])) - found.mean) * found.scale).double()
    labels = torch.tensor([1] * 150 + [0] * 50)
    other = LogisticRegression(
        C=1 / (found.facts.l2 * 200), class_weight="balanced", tol=1e-10, max_iter=10_000
    ).fit(inputs.numpy(), labels.numpy())
    torch.testing.assert_close(
        found.weight.double(), torch.from_numpy(other.coef_[0]), rtol=2e-3, atol=2e-4
    )
    torch.testing.assert_close(
        found.scores(torch.cat([positives, negatives])).double(),
        torch.from_numpy(other.predict_proba(inputs.numpy())[:, 1]),
        rtol=0,
        atol=1e-3,
    )


def test_the_area_equals_a_loop_and_another_library() -> None:
    chance = torch.Generator().manual_seed(3)
    scores = (20 * torch.rand(90, generator=chance)).round() / 20  # with many equal ones
    positive = torch.rand(90, generator=chance) < 0.4
    won = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p in scores[positive].tolist()
        for n in scores[~positive].tolist()
    ]
    assert roc_auc(scores, positive) == pytest.approx(sum(won) / len(won))
    assert roc_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert roc_auc(scores, torch.ones(90).bool()) != 0  # NaN
    with pytest.raises(ValueError, match="one score and one label"):
        roc_auc(scores, positive[:3])


def test_what_is_told_was_measured_on_rows_that_were_held_out() -> None:
    positives, negatives = clouds(60, 60, width=200, apart=0.0)  # nothing to be learned
    facts = fit(positives, negatives, fingerprint="f").facts
    assert 0.3 < facts.auc < 0.7
    assert sum(facts.positive_bins) == 60
    assert sum(facts.negative_bins) == 60
    known, other = clouds(200, 200, apart=1.0)
    facts = fit(known, other, fingerprint="f").facts
    assert facts.auc > 0.98
    assert sum(facts.positive_bins[50:]) > 190


def test_both_classes_weigh_the_same() -> None:
    """Ten times as many negatives do not make the filter refuse."""
    positives, _ = clouds(40, 1, apart=0.6)
    _, negatives = clouds(1, 400, apart=0.6, seed=5)
    scores = fit(positives, negatives, fingerprint="f").scores(clouds(500, 1, apart=0.6, seed=0)[0])
    assert float((scores >= 0.5).float().mean()) > 0.8


def test_a_category_lies_in_one_fold_and_each_fold_has_both_classes() -> None:
    labels = torch.tensor([True] * 60 + [False] * 7)
    groups = torch.arange(60) % 12
    folds = coarse_filter._folds(labels, groups, seed=1)
    assert all(len(folds[:60][groups == group].unique()) == 1 for group in range(12))
    for fold in range(5):
        assert labels[folds == fold].any()
        assert not labels[folds == fold].all()
    few = coarse_filter._folds(labels, torch.zeros(60, dtype=torch.int64), seed=1)
    assert len(few[:60].unique()) == 5  # too few categories to hold one out


def test_a_seed_gives_one_filter() -> None:
    assert to_bytes(trained(seed=4)) == to_bytes(trained(seed=4))


def test_a_file_brings_the_filter_back() -> None:
    found = trained(groups=torch.arange(120) % 10)
    again = from_bytes(to_bytes(found))
    positives, negatives = clouds(30, 30, seed=9)
    rows = torch.cat([positives, negatives])
    assert torch.equal(again.scores(rows), found.scores(rows))
    assert again.facts == found.facts
    assert again.scores(rows[:0]).shape == (0,)


def test_what_is_no_filter_is_refused() -> None:
    content = to_bytes(trained())
    for damaged in (b"", b"no", content[:-8], content[:200], b"\xff" * 4000):
        with pytest.raises(ValueError, match="not an intact file of a coarse filter"):
            from_bytes(damaged)
    about = {"format": "metric-2"}
    other = safetensors.torch.save({"mean": torch.zeros(3)}, {checkpoint.KEY: json.dumps(about)})
    with pytest.raises(ValueError, match="its format is 'metric-2'"):
        from_bytes(other)
    odd = dataclasses.replace(trained(), weight=torch.zeros(3))
    with pytest.raises(ValueError, match="weight does not fit"):
        from_bytes(to_bytes(odd))


def test_features_that_do_not_fit_are_refused() -> None:
    positives, negatives = clouds(10, 10)
    with pytest.raises(ValueError, match="at least two pictures out of the domain"):
        fit(positives, negatives[:1], fingerprint="f")
    with pytest.raises(ValueError, match="one backbone"):
        fit(positives, negatives[:, :3], fingerprint="f")
    with pytest.raises(ValueError, match="NaN or infinity"):
        fit(positives * float("nan"), negatives, fingerprint="f")
    with pytest.raises(ValueError, match="one group for each"):
        fit(positives, negatives, fingerprint="f", groups=torch.arange(3))
    with pytest.raises(ValueError, match="features of width 24"):
        trained().scores(torch.zeros(2, 8))
