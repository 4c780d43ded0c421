import importlib.util
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.features import extract
from models.finetune import _schedule, finetune
from models.flip import FlipAveraged
from models.machines import part_of
from models.methods import METHODS
from models.objective import Batch, objective_of
from models.score import score
from models.train import Cancelled
from models.views import View, Views
from tests.models import tiny
from tests.models.clusters import clusters, trained

# A processor of 2013: no bfloat16, no AVX-512. torch, oneDNN and MKL then take their older paths.
OLD_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def run(
    state: Path, result: Path, *more: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.models.tiny", str(state), str(result), *more]
    return subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_a_backbone_on_pictures(method: str) -> None:
    before = tiny.backbone()
    found = finetune(before, tiny.examples(), tiny.settings(method))
    assert found.steps == 24
    assert found.validation > 0.7
    assert found.backbone.fingerprint != before.fingerprint
    assert before.fingerprint == tiny.backbone().fingerprint  # a copy was trained
    unseen, labels = tiny.pictures(10, seed=4)
    ((predicted, confidence),) = score(
        found.head, [torch.cat(list(extract(found.backbone, unseen)))]
    )
    assert (predicted == labels).float().mean() > 0.7
    assert confidence.isfinite().all()
    assert checkpoint.from_bytes(checkpoint.to_bytes(found.head)).config == found.head.config


def test_a_training_is_decided_by_its_seed() -> None:
    one, same = (finetune(tiny.backbone(), tiny.examples(), tiny.settings()) for _ in range(2))
    assert one.backbone.fingerprint == same.backbone.fingerprint
    assert checkpoint.to_bytes(one.head) == checkpoint.to_bytes(same.head)
    config = tiny.settings()
    other = replace(config, head=replace(config.head, seed=1))
    changed = finetune(tiny.backbone(), tiny.examples(), other)
    assert changed.backbone.fingerprint != one.backbone.fingerprint


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole.state", tmp_path / "whole")
    assert whole.wait(120) == 0
    state = tmp_path / "killed.state"
    killed = run(state, tmp_path / "killed")
    until = time.monotonic() + 120
    while not (state.is_file() and torch.load(state, weights_only=True)["step"] >= 8):
        assert time.monotonic() < until
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(20) == -signal.SIGKILL
    assert not (tmp_path / "killed.0").exists()
    assert 8 <= torch.load(state, weights_only=True)["step"] < 24
    assert run(state, tmp_path / "killed").wait(120) == 0
    for end in (".0", ".0.head"):
        assert Path(f"{tmp_path}/killed{end}").read_bytes() == (
            Path(f"{tmp_path}/whole{end}").read_bytes()
        )
    assert (tmp_path / "killed.0").read_text(encoding="utf-8").startswith("24 ")


@pytest.mark.slow
def test_a_processor_without_bfloat16_trains_and_scores_alike(tmp_path: Path) -> None:
    assert tiny.settings().bfloat16  # asked for, and of no effect without a GPU
    old = run(tmp_path / "state", tmp_path / "old", environment=OLD_PROCESSOR)
    assert old.wait(120) == 0
    assert (tmp_path / "old.0").read_text(encoding="utf-8").startswith("24 ")
    head = checkpoint.from_bytes((tmp_path / "old.0.head").read_bytes())
    found = finetune(tiny.backbone(), tiny.examples(), tiny.settings())
    unseen, labels = tiny.pictures(10, seed=4)
    features = torch.cat(list(extract(found.backbone, unseen)))
    for model in (head, found.head):
        ((predicted, _),) = score(model, [features])
        assert (predicted == labels).float().mean() > 0.7


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("lightning_fabric") is None, reason="needs the extra `finetune`"
)
def test_two_processes_train_one_model(tmp_path: Path) -> None:
    assert run(tmp_path / "state", tmp_path / "both", "2").wait(180) == 0
    for end in ("", ".head"):
        first, second = (Path(f"{tmp_path}/both.{rank}{end}").read_bytes() for rank in (0, 1))
        assert first == second
    assert (tmp_path / "both.0").read_text(encoding="utf-8").startswith("24 ")


def test_stopping_keeps_the_state_to_go_on_from(tmp_path: Path) -> None:
    state = tmp_path / "state"
    asked = iter([False] * 10 + [True])
    with pytest.raises(Cancelled):
        finetune(
            tiny.backbone(),
            tiny.examples(),
            tiny.settings(),
            state=state,
            should_stop=lambda: next(asked),
        )
    steps: list[int] = []
    found = finetune(
        tiny.backbone(),
        tiny.examples(),
        tiny.settings(),
        state=state,
        progress=lambda step, _: steps.append(step),
    )
    assert steps == list(range(9, 25))  # from the last sampling
    assert found.steps == 24
    whole = finetune(tiny.backbone(), tiny.examples(), tiny.settings())
    assert found.backbone.fingerprint == whole.backbone.fingerprint


def test_the_state_of_another_training_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    finetune(tiny.backbone(), tiny.examples(), tiny.settings(steps=4), state=state)
    with pytest.raises(ValueError, match="state of another training"):
        finetune(tiny.backbone(), tiny.examples(), tiny.settings(steps=8), state=state)


def test_training_stops_early_and_the_best_is_kept() -> None:
    config = tiny.settings(steps=200, patience=2, backbone_rate=0.0)
    found = finetune(tiny.backbone(), tiny.examples(), config)
    assert found.steps < 200
    assert found.validation > 0.7


def test_frozen_normalisation_keeps_its_statistics_and_open_one_does_not() -> None:
    before = tiny.backbone()._module.state_dict()["1.running_mean"]
    for frozen in (True, False):
        config = tiny.settings(steps=4, freeze_norm=frozen, validation=0.0)
        found = finetune(tiny.backbone(), tiny.examples(), config)
        assert found.backbone._module.state_dict()["1.running_mean"].equal(before) == frozen
        assert math.isnan(found.validation)


def test_a_rate_of_zero_leaves_the_backbone_as_it_was() -> None:
    config = tiny.settings(steps=4, backbone_rate=0.0)
    found = finetune(tiny.backbone(), tiny.examples(), config)
    assert found.backbone.fingerprint == tiny.backbone().fingerprint


@pytest.mark.parametrize("size", [16, 40])
def test_the_resolution_is_a_setting(size: int) -> None:
    config = tiny.settings(steps=4, image_size=size)
    found = finetune(tiny.backbone(), tiny.examples(), config)
    assert found.backbone.image_size == size


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [_schedule(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert _schedule(0, 1, 0.0) == 1.0


def test_views_differ_by_their_seed_alone() -> None:
    pictures, _ = tiny.pictures(1)
    views = Views(pictures, tiny.as_is, tiny.settings())
    torch.manual_seed(1)
    one, plain = views[View(0, 7)], views[View(0)]
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert views[View(0, 7)].equal(one)
    assert torch.rand(1).equal(drawn)  # the global generator is left alone
    assert not views[View(0, 8)].equal(one)
    assert views[View(0)].equal(plain)
    assert one.dtype == torch.uint8
    assert one.shape == plain.shape == (3, tiny.SIZE, tiny.SIZE)


def test_workers_prepare_the_same_views() -> None:
    pictures, _ = tiny.pictures(2)
    batches = [[View(0, 3), View(1, 4)], [View(2)]]
    alone, helped = (
        list(
            Views(pictures, tiny.as_is, tiny.settings(workers=workers)).batches(
                batches, device=torch.device("cpu")
            )
        )
        for workers in (0, 1)
    )
    assert all(a.equal(b) for a, b in zip(alone, helped, strict=True))


@pytest.mark.parametrize("method", ["Softmax+HNM", "Triplet-A+HN"])
@pytest.mark.parametrize("world", [2, 3])
def test_the_parts_of_a_batch_are_the_batch(method: str, world: int) -> None:
    labels, against = torch.arange(40) % 4, torch.arange(40) % 4
    config = replace(tiny.settings(method).head, rejected_epochs=1.0)
    model = trained(*clusters(4, 3), config=replace(config, steps=1, calibrate=False))
    objective = objective_of(model, labels, against)
    x = torch.nn.functional.normalize(torch.randn(80, 8), dim=1)
    whole: Batch
    (whole,) = objective.batches(1, lambda: (x[:40], x[40:]), torch.Generator().manual_seed(0))
    parts = [part_of(whole, rank, world) for rank in range(world)]

    def triplets(batch: Batch) -> set[tuple[int, ...]]:
        rows = torch.cat([batch.examples, 100 + batch.rejected])
        return {tuple(rows[column].tolist()) for column in batch.triplets.T}

    assert set().union(*map(triplets, parts)) == triplets(whole)
    count = sum(len(part.targets) for part in parts)
    assert count == len(whole.targets)
    for part in parts:
        seen = len(part.targets) if "Triplet" in method else len(part.examples)
        assert part.targets[:seen].equal(labels[part.examples[:seen]])


def test_flip_averaging_sees_no_difference_between_left_and_right() -> None:
    plain = tiny.backbone()
    both = FlipAveraged(plain)
    batch = torch.rand(3, 3, tiny.SIZE, tiny.SIZE)
    assert not plain.features(batch).allclose(plain.features(batch.flip(3)), atol=1e-5)
    torch.testing.assert_close(both.features(batch), both.features(batch.flip(3)))
    assert both.fingerprint != plain.fingerprint
    pictures, _ = tiny.pictures(1)
    (features,) = extract(both, pictures)  # type: ignore[arg-type]
    assert features.shape == (4, both.dim)


def test_refusals_name_what_is_wrong() -> None:
    good = tiny.examples()
    with pytest.raises(ValueError, match="one int64 category for each example"):
        finetune(tiny.backbone(), replace(good, labels=good.labels[:5]), tiny.settings())
    with pytest.raises(ValueError, match="Category 4 has no example"):
        finetune(tiny.backbone(), replace(good, categories=5), tiny.settings())
    against = torch.full_like(good.against, 7)
    with pytest.raises(ValueError, match="rejected image 0 is 7"):
        finetune(tiny.backbone(), replace(good, against=against), tiny.settings())
    wild = tiny.settings(backbone_rate=1e30, clip=1e30, warmup=0.0)
    with pytest.raises(ValueError, match=r"loss of step \d+ is.*Lower backbone_rate"):
        finetune(tiny.backbone(), good, wild)
    for name, value in (("crop", 0), ("workers", -1), ("clip", 0), ("image_size", 0)):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            tiny.settings(**{name: value})
