"""Training of backbone and head together on pictures (mode `finetune`)."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from PIL import Image
from torch import Tensor, nn

from models.backbone import Backbone
from models.calibration import fit_temperature, hold_out
from models.learner import Learner
from models.machines import Machines, OneMachine, part_of, seeded
from models.network import MetricModel, build
from models.objective import Batch, Embedded, objective_of, parameter_groups
from models.start import finish_anchors, initialise
from models.train import Cancelled, check, check_categories, check_every_category
from models.views import View, Views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from models.finetune_config import FinetuneConfig

_STRIDE: Final = 1 << 20  # between the seeds of the views of two steps


@dataclass(frozen=True)
class Finetuned:
    """What fine-tuning gives: an ordinary backbone and an ordinary head, to be used as any other.

    Attributes:
        backbone: with a fingerprint of its own; extract features with it.
        head: scores those features.
        steps: how many were made.
        validation: share of held-out images whose category was found; NaN without any.
    """

    backbone: Backbone
    head: MetricModel
    steps: int
    validation: float


@dataclass(frozen=True)
class Examples:
    """Pictures to learn from.

    Attributes:
        pictures: n pictures, or whatever `load` makes pictures of.
        labels: int64 [n], their categories.
        rejected: r pictures that labelers refused.
        against: int64 [r], the category each of them is not.
        categories: N.
        load: gives a picture.
    """

    pictures: Sequence[Any]
    labels: Tensor
    rejected: Sequence[Any]
    against: Tensor
    categories: int
    load: Callable[[Any], Image.Image]


def finetune(
    backbone: Backbone,
    examples: Examples,
    config: FinetuneConfig,
    *,
    state: Path | None = None,
    machines: Machines | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Finetuned:
    """Train a copy of the backbone and a head of the configured method.

    Each sampling period the whole training set is embedded as it is seen in scoring; that serves
    the triplets, the K-means anchors and the validation. On a CPU the same arguments give the same
    model, also when the training was killed and went on from `state`.

    Args:
        backbone: what to start from; it is not changed. Its pictures may have another size.
        examples: what to learn from.
        config: the settings.
        state: a file that is written at each sampling and continued from if it is there.
        machines: a launched `lightning_fabric.Fabric` to train on several GPUs; each process makes
            its share of a batch. None: the backbone's device.
        progress: called with (step, steps) after each step.
        should_stop: asked before each step; True ends the training.

    Returns:
        The best of the trained models by validation accuracy, the last one without validation.

    Raises:
        ValueError: a category without example, labels that do not match, pictures whose features
            are not finite, a state of another training, or a loss that is no longer finite.
        Cancelled: should_stop said so; the state stays and can be continued from.
    """
    check_categories(len(examples.pictures), examples.labels, "example", examples.categories)
    check_categories(
        len(examples.rejected), examples.against, "rejected image", examples.categories
    )
    check_every_category(examples.labels, examples.categories)
    run = _Run(backbone, examples, config, machines or OneMachine(backbone.device), state)
    return run.to_the_end(progress, should_stop)


class _Run:
    def __init__(
        self,
        backbone: Backbone,
        examples: Examples,
        config: FinetuneConfig,
        machines: Machines,
        state: Path | None,
    ) -> None:
        self._config, self._machines, self._state = config, machines, state
        self._name = backbone.name
        self._device = machines.device
        self._identity = _identity(backbone, examples, config)
        self._generator = torch.Generator().manual_seed(config.head.seed)
        self._held = _held(examples.labels, config)
        kept = (~self._held).nonzero()[:, 0]
        self._kept = kept
        self._labels = examples.labels
        self._views = Views([*examples.pictures, *examples.rejected], examples.load, config)
        network = _trainable(backbone)
        self._learner = Learner(network, _unborn(backbone, examples, config), config)
        self._learner.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        head = self._learner.head
        uses = head.method.rejected
        self._against = examples.against if uses else examples.against[:0]
        self._rejected = len(examples.pictures) + torch.arange(len(self._against))
        self._objective = objective_of(head, examples.labels[kept], self._against)
        self._step, self._best, self._waited = 0, -1.0, 0
        self._kept_state: dict[str, Tensor] = {}

    def to_the_end(
        self,
        progress: Callable[[int, int], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> Finetuned:
        """Resume or start, train, choose the best."""
        saved = self._saved()
        if saved is None:
            self._start()
        optimiser = torch.optim.AdamW(self._groups())
        if saved is not None:
            self._restore(saved, optimiser)
        self._wrapped, self._optimiser = self._machines.setup(self._learner, optimiser)
        steps = self._config.head.steps
        while not self._finished():
            self._save()
            embedded = self._look()
            if self._finished():
                break
            ahead = min(self._config.head.sampling_period, steps - self._step)
            batches = list(self._objective.batches(ahead, embedded, self._generator))
            self._period(batches, progress, should_stop)
        else:
            self._look()
        self._save()
        return self._result()

    def _finished(self) -> bool:
        patience = self._config.patience
        stopped = bool(patience) and self._waited >= patience
        return stopped or self._step >= self._config.head.steps

    def _start(self) -> None:
        """A head for the features as they are before training."""
        features = self._embed(torch.cat([self._kept, self._rejected]), self._learner.features)
        ours, theirs = features[: len(self._kept)], features[len(self._kept) :]
        head, labels = self._learner.head.cpu(), self._labels[self._kept]
        check(ours, labels, "example", head.categories)
        check(theirs, self._against, "rejected image", head.categories)
        initialise(
            head,
            ours,
            labels,
            self._generator,
            rejected_features=theirs,
            rejected_categories=self._against,
        )
        head.to(self._device)

    def _look(self) -> Callable[[], Embedded]:
        """Embed what the method samples from, and measure the held-out images."""
        head = self._learner.head
        triplets = not head.method.softmax
        held = self._held.nonzero()[:, 0]
        rows = torch.cat([self._kept, self._rejected]) if triplets else held[:0]
        embedded = self._embed(rows, lambda x: head(self._learner.features(x)))
        ours, theirs = embedded[: len(self._kept)], embedded[len(self._kept) :]
        with self._finished_anchors(ours):
            if len(held):
                self._validate(held)
        return lambda: (ours, theirs)

    @contextmanager
    def _finished_anchors(self, embedded: Tensor) -> Iterator[None]:
        """Anchors as they would be if training ended now; learned ones then learn on."""
        head = self._learner.head
        if head.method.softmax:
            yield
            return
        learned = head.anchors.detach().clone()
        chance = torch.Generator().manual_seed(self._config.head.seed)
        labels = self._labels[self._kept].to(self._device)
        finish_anchors(head, embedded.to(self._device), labels, chance)
        self._final_anchors = head.anchors.detach().clone()
        yield
        if head.method.anchors:
            head.anchors.data.copy_(learned)

    def _validate(self, held: Tensor) -> None:
        head = self._learner.head
        embedded = self._embed(held, lambda x: head(self._learner.features(x)))
        with torch.inference_mode():
            logs = head.log_probabilities(embedded.to(self._device)).cpu()
        found = float((logs.argmax(1) == self._labels[held]).double().mean())
        self._waited = 0 if found > self._best else self._waited + 1
        if found >= self._best:  # of equals the one that learned longer
            self._best = found
            self._kept_state = _on_cpu(self._learner.state_dict())
            if head.config.calibrate:
                whole = embedded.log_softmax(1) if head.method.softmax else logs
                temperature = fit_temperature(whole, self._labels[held])
                self._kept_state["head.temperature"] = torch.tensor(temperature)

    def _period(
        self,
        batches: Sequence[Batch],
        progress: Callable[[int, int], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        shares = [self._share(batch, self._step + i) for i, batch in enumerate(batches)]
        pictures = self._views.batches([views for _, views in shares], device=self._device)
        self._wrapped.train()
        for (batch, _), seen in zip(shares, pictures, strict=True):
            if should_stop is not None and should_stop():
                raise Cancelled
            self._one_step(batch, seen)
            self._step += 1
            if progress is not None:
                progress(self._step, self._config.head.steps)

    def _one_step(self, batch: Batch, pictures: Tensor) -> None:
        config = self._config
        factor = _schedule(self._step, config.head.steps, config.warmup)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        self._optimiser.zero_grad()
        seed = config.head.seed * _STRIDE + self._step
        with seeded(seed, self._device):  # of dropout and the like
            loss = self._wrapped(pictures, batch.to(self._device), self._objective)
        if not bool(loss.isfinite()):
            raise ValueError(
                f"The loss of step {self._step} is {float(loss.detach())}. Lower backbone_rate and "
                "learning_rate, or look for broken pictures.",
            )
        # A batch without triplets still takes part, so that no process waits for another.
        self._machines.backward(loss if loss.requires_grad else loss + self._nothing())
        nn.utils.clip_grad_norm_(self._learner.parameters(), config.clip)
        self._optimiser.step()

    def _nothing(self) -> Tensor:
        total: Tensor = sum((p.sum() * 0 for p in self._learner.parameters()), torch.zeros(()))
        return total

    def _share(self, batch: Batch, step: int) -> tuple[Batch, list[View]]:
        """This process's part of a batch, and the views it needs."""
        mine = part_of(batch, self._machines.global_rank, self._machines.world_size)
        rows = torch.cat([self._kept[mine.examples], self._rejected[mine.rejected]]).tolist()
        first = (self._config.head.seed + 1) * _STRIDE * 1024 + step * _STRIDE
        first += self._machines.global_rank * (_STRIDE // 256)
        return mine, [View(row, first + place) for place, row in enumerate(rows)]

    @torch.no_grad()
    def _embed(self, rows: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
        """float32 [rows, ...] on the CPU; the processes share the work."""
        world, size = self._machines.world_size, self._config.embed_batch
        share = -(-len(rows) // world)
        if not share:
            # `of` knows the width only by computing; nobody reads an empty tensor's.
            return torch.empty(0, self._learner.head.config.dimension)
        padded = rows[torch.arange(share * world) % len(rows)].view(world, share)
        mine = padded[self._machines.global_rank].tolist()
        batches = [[View(row) for row in mine[i : i + size]] for i in range(0, share, size)]
        self._learner.eval()
        parts = [of(seen) for seen in self._views.batches(batches, device=self._device)]
        whole = self._machines.all_gather(torch.cat(parts))
        return whole.view(share * world, -1)[: len(rows)].cpu()

    def _groups(self) -> list[dict[str, object]]:
        config = self._config
        network = {
            "params": [p for p in self._learner.network.parameters() if p.requires_grad],
            "weight_decay": config.head.weight_decay,
            "peak": config.backbone_rate,
        }
        own = [
            {**group, "peak": config.head.learning_rate}
            for group in parameter_groups(self._learner.head)
        ]
        return [network, *own]

    def _save(self) -> None:
        if self._state is None or self._machines.global_rank != 0:
            return
        content = {
            "identity": self._identity,
            "step": self._step,
            "best": self._best,
            "waited": self._waited,
            "best_model": self._kept_state,
            "model": self._learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
        }
        self._state.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._state.with_suffix(".partial")
        with temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._state)

    def _saved(self) -> dict[str, Any] | None:
        if self._state is None or not self._state.is_file():
            return None
        saved: dict[str, Any] = torch.load(self._state, map_location="cpu", weights_only=True)
        if saved.get("identity") != self._identity:
            raise ValueError(
                f"{self._state.name} is the state of another training: other pictures, labels, "
                "backbone or settings. Continue that one, or name another file.",
            )
        return saved

    def _restore(self, saved: dict[str, Any], optimiser: torch.optim.Optimizer) -> None:
        self._learner.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        self._generator.set_state(saved["generator"])
        self._step, self._best = saved["step"], saved["best"]
        self._waited, self._kept_state = saved["waited"], saved["best_model"]

    def _result(self) -> Finetuned:
        learner = self._learner
        if self._kept_state:
            learner.load_state_dict(self._kept_state)
        elif not learner.head.method.softmax:
            learner.head.anchors.data.copy_(self._final_anchors)
        learner.eval().requires_grad_(requires_grad=False)
        backbone = Backbone(
            self._name,
            _row_by_row(copy.deepcopy(learner.network)),
            image_size=self._config.image_size,
            device=self._device,
        )
        validation = self._best if self._held.any() else math.nan
        return Finetuned(backbone, learner.head, self._step, validation)


def _trainable(backbone: Backbone) -> nn.Module:
    """A copy of the backbone's network that can be trained."""
    network = copy.deepcopy(backbone._module)  # noqa: SLF001 - the one place that opens it
    return network.requires_grad_(requires_grad=True)


def _row_by_row(network: nn.Module) -> nn.Module:
    """The same network with plain strides, which fingerprints and files expect."""
    for tensor in (*network.parameters(), *network.buffers()):
        plain = torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)
        tensor.data = plain.copy_(tensor)
    return network


def _unborn(backbone: Backbone, examples: Examples, config: FinetuneConfig) -> MetricModel:
    return build(features=backbone.dim, categories=examples.categories, config=config.head)


def _held(labels: Tensor, config: FinetuneConfig) -> Tensor:
    if not config.validation:
        return torch.zeros_like(labels, dtype=torch.bool)
    chance = torch.Generator().manual_seed(config.head.seed)
    return hold_out(labels, config.validation, chance)


def _identity(backbone: Backbone, examples: Examples, config: FinetuneConfig) -> str:
    digest = hashlib.sha256(backbone.fingerprint.encode())
    digest.update(json.dumps(config.to_json(), sort_keys=True).encode())
    for values in (examples.labels, examples.against):
        digest.update(repr(values.tolist()).encode())
    return digest.hexdigest()


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Of the peak rate: a linear rise, then a half cosine to zero."""
    rise = round(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
