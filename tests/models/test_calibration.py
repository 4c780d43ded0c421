import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import fit_temperature, hold_out
from models.metrics import calibration_error


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_a_category_keeps_an_image_and_gives_one_if_it_has_two(
    categories: list[int], share: float
) -> None:
    labels = torch.tensor(categories)
    held = hold_out(labels, share, torch.Generator().manual_seed(0))
    for category in set(categories):
        own = held[labels == category]
        assert not own.all()
        assert own.any() == (len(own) > 1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    chance = torch.Generator().manual_seed(1)
    logs = torch.log_softmax(3 * torch.randn(20_000, 5, generator=chance), dim=1)
    labels = torch.softmax(logs / temperature, 1).multinomial(1, generator=chance)[:, 0]
    assert fit_temperature(logs, labels) == pytest.approx(temperature, rel=0.06)


def test_without_images_the_temperature_is_one() -> None:
    assert fit_temperature(torch.empty(0, 3), torch.empty(0, dtype=torch.int64)) == 1.0


def test_always_right_stays_in_bounds() -> None:
    logs = torch.log_softmax(5 * torch.eye(4), dim=1)
    assert 0.049 < fit_temperature(logs, torch.arange(4)) < 0.06


def test_the_error_of_confidence_equals_a_loop() -> None:
    chance = torch.Generator().manual_seed(0)
    sure, right = torch.rand(500, generator=chance), torch.rand(500, generator=chance) < 0.6
    expected = 0.0
    for low in range(10):
        inside = (sure > low / 10) & (sure <= (low + 1) / 10)
        if inside.any():
            gap = right[inside].double().mean() - sure[inside].double().mean()
            expected += abs(float(gap)) * int(inside.sum()) / 500
    assert calibration_error(sure, right, bins=10) == pytest.approx(expected)


def test_known_errors_of_confidence() -> None:
    assert calibration_error(torch.ones(4), torch.ones(4).bool()) == 0.0
    assert calibration_error(torch.ones(4), torch.zeros(4).bool()) == 1.0
    assert calibration_error(torch.zeros(0), torch.zeros(0).bool()) != 0.0  # NaN
    with pytest.raises(ValueError, match="one confidence and one answer"):
        calibration_error(torch.ones(3), torch.ones(2).bool())
