"""A network and pictures small enough to fine-tune in a test; also a program to be killed."""

import sys
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from models import checkpoint
from models.backbone import Backbone
from models.config import MetricConfig
from models.finetune import Examples, Finetuned, finetune
from models.finetune_config import FinetuneConfig

SIZE = 24
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (180, 180, 30)]


def as_is(picture: Image.Image) -> Image.Image:
    return picture


def backbone(width: int = 12) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 1),  # whose strides differ between the orders of memory
            nn.Conv2d(8, width, 3, stride=2),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
    return Backbone("tiny", network, image_size=SIZE, device=torch.device("cpu"))


def pictures(each: int, seed: int = 0) -> tuple[list[Image.Image], torch.Tensor]:
    chance = torch.Generator().manual_seed(seed)
    found = []
    labels = torch.arange(4).repeat_interleave(each)
    for label in labels.tolist():
        base = torch.tensor(COLOURS[label]).view(1, 1, 3)
        pixels = base + 45 * torch.randn(30, 34, 3, generator=chance)
        found.append(Image.fromarray(pixels.clamp(0, 255).to(torch.uint8).numpy()))
    return found, labels


def examples(each: int = 6) -> Examples:
    known, labels = pictures(each)
    rejected, of = pictures(2, seed=9)
    return Examples(
        pictures=known,
        labels=labels,
        rejected=rejected,
        against=(of + 1) % 4,
        categories=4,
        load=as_is,
    )


def settings(method: str = "Triplet-A+HN", steps: int = 24, **values: object) -> FinetuneConfig:
    head = MetricConfig(
        method=method, dimension=8, steps=steps, sampling_period=4, batch_size=8, calibrate=True
    )
    given = {"image_size": SIZE, "backbone_rate": 1e-3, "validation": 0.2, "patience": 0}
    return FinetuneConfig(head=head, **{**given, **values})  # type: ignore[arg-type]


def fingerprint(found: Finetuned) -> str:
    return f"{found.steps} {found.backbone.fingerprint} {hash(checkpoint.to_bytes(found.head))}"


def main() -> None:
    """`python -m tests.models.tiny STATE RESULT [PROCESSES]`."""
    torch.set_num_threads(1)
    state, result = Path(sys.argv[1]), Path(sys.argv[2])
    machines = None
    if len(sys.argv) > 3:
        from lightning_fabric import Fabric  # noqa: PLC0415 - an optional part

        machines = Fabric(accelerator="cpu", devices=int(sys.argv[3]), strategy="ddp")
        machines.launch()
    found = finetune(backbone(), examples(), settings(), state=state, machines=machines)
    rank = machines.global_rank if machines else 0
    Path(f"{result}.{rank}").write_text(
        f"{found.steps} {found.backbone.fingerprint}\n", encoding="utf-8"
    )
    Path(f"{result}.{rank}.head").write_bytes(checkpoint.to_bytes(found.head))


if __name__ == "__main__":
    main()
