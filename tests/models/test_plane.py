import numpy as np
import pytest
import torch
from torch import Tensor

from models.network import unit
from models.plane import fitted, neighbours, principal
from tests.models.clusters import clusters


@pytest.fixture(scope="module")
def crowd() -> tuple[Tensor, Tensor]:
    """Thirty clusters in 16 dimensions, which two directions cannot tell apart."""
    features, labels = clusters(30, 12)
    return unit(features), labels


def kept(places: Tensor, labels: Tensor) -> float:
    """The share of points whose nearest other is of their cluster."""
    distances = torch.cdist(places, places)
    distances.fill_diagonal_(torch.inf)
    return float((labels[distances.argmin(dim=1)] == labels).float().mean())


def test_the_principal_axes_are_those_of_numpy(crowd: tuple[Tensor, Tensor]) -> None:
    embeddings, _ = crowd
    places, shares = principal(embeddings)
    centred = (embeddings - embeddings.mean(dim=0)).numpy().astype(np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    signs = np.sign((expected * places.numpy()).sum(axis=0))
    np.testing.assert_allclose(places.numpy(), expected * signs, atol=1e-5)
    np.testing.assert_allclose(shares, (sizes**2 / (sizes**2).sum())[:2], rtol=1e-6)


def test_signs_do_not_depend_on_the_order_of_pictures(crowd: tuple[Tensor, Tensor]) -> None:
    embeddings, _ = crowd
    torch.testing.assert_close(principal(embeddings.flip(0))[0].flip(0), principal(embeddings)[0])


def test_neighbours_stay_together_where_the_principal_axes_mix_them(
    crowd: tuple[Tensor, Tensor],
) -> None:
    embeddings, labels = crowd
    start, _ = principal(embeddings)
    told: list[tuple[int, int]] = []
    places = neighbours(
        embeddings, start, seed=3, progress=lambda step, steps: told.append((step, steps))
    )
    assert kept(places, labels) > 0.95
    assert kept(start, labels) < 0.8
    assert told[0] == (0, 500)
    assert told[-1] == (500, 500)
    assert told == sorted(told)
    assert torch.equal(places, neighbours(embeddings, start, seed=3))


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 9])
def test_few_pictures_have_places_too(number: int) -> None:
    embeddings = unit(torch.randn(number, 5, generator=torch.Generator().manual_seed(1)))
    start, shares = principal(embeddings)
    places = neighbours(embeddings, start, seed=0)
    assert start.shape == places.shape == (number, 2)
    assert bool(fitted(places).isfinite().all())
    assert 0 <= sum(shares) <= 1.000001
    if number > 1:
        assert float(fitted(places).abs().max()) == pytest.approx(1)


def test_equal_pictures_share_a_place() -> None:
    start, shares = principal(torch.ones(6, 3))
    assert shares == (0.0, 0.0)
    assert not fitted(neighbours(torch.ones(6, 3), start, seed=0)).any()


def test_one_dimension_is_one_axis() -> None:
    places, shares = principal(torch.tensor([[0.0], [1.0], [5.0]]))
    assert shares == (pytest.approx(1), 0.0)
    assert not places[:, 1].any()


def test_progress_ends_the_work_by_raising(crowd: tuple[Tensor, Tensor]) -> None:
    embeddings, _ = crowd

    def stop(step: int, _steps: int) -> None:
        if step >= 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        neighbours(embeddings, principal(embeddings)[0], seed=0, progress=stop)


@pytest.mark.parametrize("broken", [torch.zeros(4), torch.full((4, 2), torch.nan)])
def test_what_is_no_embedding_is_refused(broken: Tensor) -> None:
    with pytest.raises(ValueError, match="embeddings"):
        principal(broken)
