"""The processes and devices of one training, and each one's part of a batch."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from models.objective import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator


class Machines(Protocol):
    """What is used of `lightning_fabric.Fabric`; docs/decisions/multi-gpu.md says why of that."""

    @property
    def device(self) -> torch.device:
        """Where this process computes."""

    @property
    def global_rank(self) -> int:
        """Which of the processes this is."""

    @property
    def world_size(self) -> int:
        """How many processes there are."""

    def setup(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> Any:
        """The two, ready for training in all processes."""

    def backward(self, tensor: Tensor) -> None:
        """Gradients, averaged over the processes."""

    def all_gather(self, data: Tensor) -> Tensor:
        """The tensors of all processes, stacked."""


class OneMachine:
    """A single process on one device: what there is without Fabric."""

    global_rank = 0
    world_size = 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def setup(self, module: nn.Module, optimiser: torch.optim.Optimizer) -> Any:
        """Both as they are."""
        return module.to(self.device), optimiser

    def backward(self, tensor: Tensor) -> None:
        """Gradients."""
        tensor.backward()  # type: ignore[no-untyped-call]

    def all_gather(self, data: Tensor) -> Tensor:
        """[...] to [1, ...]."""
        return data[None]


def part_of(batch: Batch, rank: int, world: int) -> Batch:
    """Every world-th triplet and reference of a batch, with the pictures they need."""
    if world == 1:
        return batch
    if len(batch.targets) == len(batch.examples) + len(batch.rejected):  # softmax
        examples = batch.examples[rank::world]
        rejected = batch.rejected[rank::world]
        targets = torch.cat(
            [
                batch.targets[: len(batch.examples)][rank::world],
                batch.targets[len(batch.examples) :][rank::world],
            ]
        )
        return Batch(examples, rejected, targets, batch.triplets)
    references = len(batch.targets)
    mine = torch.arange(references)[rank::world]
    triplets = batch.triplets[:, (batch.triplets[0] % world) == rank]
    needed = torch.cat([mine, torch.unique(triplets[1:])])
    order = needed.sort().values
    order = torch.cat([mine, order[order >= references]])
    place = torch.full((len(batch.examples) + len(batch.rejected),), -1)
    place[order] = torch.arange(len(order))
    ours = order < len(batch.examples)
    return Batch(
        examples=batch.examples[order[ours]],
        rejected=batch.rejected[order[~ours] - len(batch.examples)],
        targets=batch.targets[rank::world],
        triplets=place[triplets],
    )


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Everything that draws from torch's global generators draws from this seed."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
