import pytest
import torch
from torch import Tensor

from models.filterbank import FilterBank


@pytest.fixture(scope="module")
def bank() -> FilterBank:
    return FilterBank()


def _picture(seed: int = 0, side: int = 112, turn: float = 0.0) -> Tensor:
    """A coloured disc with spokes on a plain ground, [1, 3, side, side]."""
    generator = torch.Generator().manual_seed(seed)
    inner, outer = torch.rand(2, 3, 1, 1, generator=generator)
    axis = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    spokes = 0.75 + 0.25 * torch.cos(6 * (torch.atan2(y, x) + turn))
    disc = (x.square() + y.square() < 0.4).float()
    return (disc * inner * spokes + (1 - disc) * outer)[None]


def _noise() -> Tensor:
    return torch.rand(1, 3, 112, 112, generator=torch.Generator().manual_seed(1))


def _distance(first: Tensor, second: Tensor) -> float:
    return float((first - second).norm())


def test_shape_and_dtype(bank: FilterBank) -> None:
    features = bank(torch.rand(3, 3, 224, 180))
    assert features.shape == (3, bank.dim)
    assert features.dtype == torch.float32
    assert 300 <= bank.dim <= 1500


def test_is_built_alike_every_time(bank: FilterBank) -> None:
    x = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(3))
    assert torch.equal(FilterBank()(x), bank(x))


def test_has_nothing_to_learn_and_keeps_no_graph(bank: FilterBank) -> None:
    assert not list(bank.parameters())
    assert not bank(_picture().requires_grad_()).requires_grad


def test_rows_do_not_depend_on_their_neighbours(bank: FilterBank) -> None:
    x = torch.cat([_picture(s) for s in range(4)])
    alone = torch.cat([bank(row[None]) for row in x])
    torch.testing.assert_close(bank(x), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_give_finite_features(bank: FilterBank, value: float) -> None:
    assert torch.isfinite(bank(torch.full((1, 3, 64, 64), value))).all()


def test_mirrored_pictures_are_the_same(bank: FilterBank) -> None:
    x = torch.cat([_picture(1), _noise()])
    torch.testing.assert_close(bank(x.flip(-1)), bank(x), rtol=1e-3, atol=5e-3)


def test_a_quarter_turn_changes_nothing(bank: FilterBank) -> None:
    x = torch.cat([_picture(1), _noise()])
    torch.testing.assert_close(bank(x.rot90(1, (-2, -1))), bank(x), rtol=1e-3, atol=5e-3)


def test_a_small_turn_changes_less_than_another_colour(bank: FilterBank) -> None:
    turned = _distance(bank(_picture(1)), bank(_picture(1, turn=0.4)))
    assert turned < 0.5 * _distance(bank(_picture(1)), bank(_picture(2)))


def test_a_shift_changes_less_than_another_colour(bank: FilterBank) -> None:
    x = _picture(1)
    shifted = x.roll((6, -5), (-2, -1))
    assert _distance(bank(x), bank(shifted)) < 0.5 * _distance(bank(x), bank(_picture(2)))


def test_size_changes_less_than_another_colour(bank: FilterBank) -> None:
    small, large = bank(_picture(1, 112)), bank(_picture(1, 224))
    assert _distance(small, large) < 0.5 * _distance(small, bank(_picture(2)))


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 8, 64)])
def test_other_shapes_are_refused(bank: FilterBank, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected pictures"):
        bank(torch.zeros(shape))


@pytest.mark.parametrize("side", [24, 100])
def test_odd_sides_are_refused(side: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        FilterBank(side)
