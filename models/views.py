"""Pictures as a training network sees them: another crop, flip and light each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from models.features import prepare
from models.vision import load_torchvision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models.finetune_config import FinetuneConfig

PLAIN = -1  # the seed of a view that is not augmented


@dataclass(frozen=True)
class View:
    """One look at one picture: augmented by its seed alone, or as in scoring."""

    row: int
    seed: int = PLAIN


class Views(Dataset[Tensor]):
    """Looks at pictures, uint8 [3, S, S] each.

    Args:
        pictures: any number of pictures, or of whatever `load` makes pictures of.
        load: gives the picture; with workers it is called in other processes.
        config: image_size and the strength of augmentation.
    """

    def __init__(
        self, pictures: Sequence[Any], load: Callable[[Any], Image.Image], config: FinetuneConfig
    ) -> None:
        self._pictures, self._load, self._config = pictures, load, config
        self._augment = augmentation(config)

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, view: View) -> Tensor:
        picture = self._load(self._pictures[view.row])
        if view.seed == PLAIN:
            return prepare(picture, self._config.image_size)
        with torch.random.fork_rng(devices=[]):  # transforms draw from torch's global generator
            torch.manual_seed(view.seed)
            changed: Tensor = self._augment(picture.convert("RGB"))
        return changed

    def batches(
        self, batches: Sequence[Sequence[View]], *, device: torch.device
    ) -> Iterator[Tensor]:
        """uint8 [b, 3, S, S] for each list of views, on the device, prepared ahead by workers."""
        if not batches:
            return
        loader: DataLoader[Tensor] = DataLoader(
            self,
            batch_sampler=[list(batch) for batch in batches],
            num_workers=min(self._config.workers, len(batches)),
            pin_memory=device.type == "cuda",
            generator=torch.Generator(),  # else it would draw from the global one
        )
        for pictures in loader:
            yield pictures.to(device, non_blocking=True)


def augmentation(config: FinetuneConfig) -> Callable[[Image.Image], Tensor]:
    """Random resized crop, flip and colour of torchvision's v2: RGB picture to uint8 [3, S, S]."""
    load_torchvision()
    from torchvision.transforms import v2  # noqa: PLC0415 - after the guard of models.vision

    change: Callable[[Image.Image], Tensor] = v2.Compose(
        [
            v2.RandomResizedCrop(config.image_size, scale=(config.crop, 1.0), antialias=True),
            v2.RandomHorizontalFlip(config.flip),
            v2.ColorJitter(config.colour, config.colour, config.colour, config.colour / 4),
            v2.PILToTensor(),
        ]
    )
    return change
