import pytest
import torch

from models.neighbours import centre_of, nearly_equal


def cloud(rows: int, width: int = 32, seed: int = 0) -> torch.Tensor:
    """Features as a backbone gives them: positive, close together."""
    generator = torch.Generator().manual_seed(seed)
    return 5 + torch.rand(rows, width, generator=generator)


def test_a_copy_is_found_whatever_its_length() -> None:
    train, test = cloud(40), cloud(20, seed=1)
    copies = torch.cat([test[:3] * 2, train])
    found = nearly_equal(copies, test, centre_of(train))
    assert found[:3].all()
    assert not found[3:].any()


def test_the_common_direction_of_a_domain_makes_no_duplicates() -> None:
    train, test = cloud(40), cloud(20, seed=1)
    plain = torch.nn.functional.normalize(train) @ torch.nn.functional.normalize(test).T
    assert plain.min() > 0.9
    assert not nearly_equal(train, test, centre_of(train)).any()


def test_nothing_is_near_to_nothing() -> None:
    train = cloud(4)
    assert not nearly_equal(train, train[:0], centre_of(train)).any()
    assert nearly_equal(train[:0], train, centre_of(train)).shape == (0,)


def test_features_of_two_backbones_are_refused() -> None:
    with pytest.raises(ValueError, match="one backbone"):
        nearly_equal(cloud(3, 8), cloud(3, 9), torch.zeros(8))
