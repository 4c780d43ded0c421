from collections.abc import Iterator

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from models.backbone import Backbone
from models.features import extract, prepare
from models.vision import load_torchvision


class Means(nn.Module):
    """Mean colours; a picture that is all black has none."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.mean((2, 3)) + (0 / pictures.amax((1, 2, 3)))[:, None]


@pytest.fixture(scope="module")
def means() -> Iterator[Backbone]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backbone, "_probe", lambda _: 3)
        yield Backbone("filterbank", Means(), image_size=8, device=torch.device("cpu"))


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (20, 10)) -> Image.Image:
    return Image.new("RGB", size, colour)


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (224, 224), (90, 60), (2000, 1500)])
def test_geometry_is_that_of_torchvision(size: tuple[int, int]) -> None:
    load_torchvision()
    from torchvision.transforms import functional  # noqa: PLC0415 - behind the guard

    ramp = Image.linear_gradient("L").resize(size)
    source = Image.merge("RGB", (ramp, ramp.rotate(180), Image.new("L", size, 90)))
    found = prepare(source)
    assert (found.shape, found.dtype) == ((3, 224, 224), torch.uint8)
    resized = functional.resize(source, 256)
    expected = functional.pil_to_tensor(functional.center_crop(resized, 224))
    assert (found.int() - expected.int()).abs().float().mean() < 1.5


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    assert prepare(Image.new(mode, (30, 20)), 16).shape == (3, 16, 16)


def test_pixels_that_are_no_numbers_become_colours() -> None:
    strange = Image.new("F", (30, 20), float("nan"))
    assert prepare(strange, 16).dtype == torch.uint8


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_tiny_pictures_pass(size: tuple[int, int]) -> None:
    found = prepare(picture((10, 20, 30), size), 16)
    assert found.float().mean((1, 2)).tolist() == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_order_and_batches(means: Backbone, threads: int, batch_size: int) -> None:
    pictures = [picture((shade, 255 - shade, 9)) for shade in range(1, 12)]
    parts = list(extract(means, pictures, batch_size=batch_size, threads=threads))
    assert all(len(part) == batch_size for part in parts[:-1])
    found = torch.cat(parts) * 255
    assert found[:, 0].round().tolist() == list(range(1, 12))


def test_only_a_few_pictures_are_held(means: Backbone) -> None:
    taken = 0

    def endless() -> Iterator[Image.Image]:
        nonlocal taken
        while True:
            taken += 1
            yield picture((5, 5, 5))

    parts = extract(means, endless(), batch_size=4)
    for given in range(1, 6):
        next(parts)
        assert taken <= 4 * given + 4
    parts.close()  # type: ignore[attr-defined]


def test_nothing_in_nothing_out(means: Backbone) -> None:
    assert list(extract(means, [])) == []


def test_a_feature_that_is_no_number_names_its_picture(means: Backbone) -> None:
    pictures = [picture((9, 9, 9))] * 6
    pictures[5] = picture((0, 0, 0))
    with pytest.raises(ValueError, match="Picture 5 gives features"):
        list(extract(means, pictures, batch_size=4))


@pytest.mark.parametrize("given", [{"batch_size": 0}, {"threads": 0}])
def test_sizes_are_checked(means: Backbone, given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(extract(means, [], **given))  # type: ignore[arg-type]
