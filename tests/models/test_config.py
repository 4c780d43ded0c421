import json
import math

import pytest

from models.config import MetricConfig


def test_defaults_are_those_of_the_paper_but_for_the_dimension() -> None:
    config = MetricConfig()
    assert (config.dimension, config.margin, config.anchors) == (128, 0.2, 3)
    assert (config.gamma, config.omega, config.local_region) == (5.0, 0.1, 0.6)


def test_json_there_and_back() -> None:
    config = MetricConfig(dimension=32, seed=7, omega=1)
    assert MetricConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_names_left_out_take_their_defaults() -> None:
    assert MetricConfig.from_json({"steps": 3}) == MetricConfig(steps=3)


def test_an_unknown_name_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'gama'.*gamma"):
        MetricConfig.from_json({"gama": 5})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dimension", 0),
        ("dimension", 2.5),
        ("dimension", True),
        ("anchors", 0),
        ("negatives", 0),
        ("sampling_period", 0),
        ("steps", 0),
        ("batch_size", -1),
        ("seed", -1),
        ("margin", -0.1),
        ("margin", math.nan),
        ("margin", "0.2"),
        ("gamma", 0),
        ("gamma", math.inf),
        ("omega", 1.1),
        ("omega", -0.1),
        ("local_region", 0),
        ("local_region", 1.01),
        ("learning_rate", 0),
        ("weight_decay", -1),
        ("weight_decay", None),
    ],
)
def test_values_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be .*; got"):
        MetricConfig.from_json({name: value})
