import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config import MetricConfig
from models.network import MetricModel
from models.start import finish_anchors, initialise, k_means, principal_directions, set_anchors
from tests.models.clusters import clusters


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 12))
def test_principal_directions_are_those_of_the_svd(rows: int, width: int, dimension: int) -> None:
    data = torch.randn(rows, width, generator=chance(rows * 100 + width))
    found = principal_directions(data, dimension)
    assert found.shape == (dimension, width)
    rank = min(rows, width, dimension)
    expected = torch.linalg.svd(data.double(), full_matrices=False).Vh[:rank]
    alike = (found[:rank].double() * expected).sum(1).abs()
    assert alike.min() > 0.999  # the sign is free
    assert not found[rank:].any()


def test_k_means_finds_modes_far_apart_in_every_category() -> None:
    modes = torch.tensor([[[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], [[5.0, 5.0]] * 3])
    labels = torch.arange(2).repeat_interleave(60)
    data = modes.repeat(1, 20, 1).flatten(0, 1) + 0.1 * torch.randn(120, 2, generator=chance())
    centres, sizes = min(
        (k_means(data, labels, 2, 3, chance(seed)) for seed in range(5)),
        key=lambda found: float((data[:60, None] - found[0][0]).square().sum(2).amin(1).sum()),
    )
    assert sizes[0].flatten().tolist() == [20.0] * 3
    assert sizes.sum() == 120
    assert torch.cdist(modes[0], centres[0]).amin(1).max() < 0.2
    assert (centres[1] - 5).abs().max() < 0.5


def test_anchors_of_few_images_stay_near_their_mean_and_part() -> None:
    model = MetricModel(features=16, categories=1, config=MetricConfig(dimension=2))
    lone = torch.tensor([[0.6, 0.8]])
    set_anchors(model, lone, torch.tensor([0]), chance())
    assert torch.cdist(model.anchors[0], lone).max() < 0.1
    assert len(model.anchors[0].unique(dim=0)) == 3


def test_k_means_goes_on_from_given_centres_and_leaves_one_without_images() -> None:
    data = torch.tensor([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0]])
    start = torch.tensor([[[1.0, 1.0], [9.0, 0.0], [-50.0, 0.0]]])
    centres, sizes = k_means(data, torch.zeros(3).long(), 1, 3, chance(), start=start)
    assert centres.tolist() == [[[1.0, 0.0], [10.0, 0.0], [-50.0, 0.0]]]
    assert sizes.flatten().tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("settle", [0.0, 0.25, 1.0])
def test_learned_anchors_settle_part_of_the_way_and_stay_as_long(settle: float) -> None:
    config = MetricConfig(dimension=2, anchors=1, settle=settle)
    model = MetricModel(features=16, categories=2, config=config)
    embeddings = torch.tensor([[0.0, 1.0], [0.0, 3.0], [5.0, 0.0]])
    learned = torch.tensor([[[4.0, 2.0]], [[1.0, 0.0]]])
    model.anchors.data.copy_(learned)
    finish_anchors(model, embeddings, torch.tensor([0, 0, 1]), chance())
    centres = torch.tensor([[[0.0, 2.0]], [[5.0, 0.0]]])
    settled = learned + settle * (centres - learned)
    longer = learned.norm(dim=2).mean() / settled.norm(dim=2).mean()
    torch.testing.assert_close(model.anchors.data, longer * settled)


def test_anchors_that_are_not_learned_are_made_anew() -> None:
    config = MetricConfig(method="Triplet-M", dimension=2, settle=0.0)
    model = MetricModel(features=16, categories=1, config=config)
    model.anchors.data.fill_(100.0)
    finish_anchors(model, torch.tensor([[0.6, 0.8]]), torch.tensor([0]), chance())
    assert torch.cdist(model.anchors[0], torch.tensor([[0.6, 0.8]])).max() < 0.1


def test_embeddings_have_unit_length_whatever_the_features() -> None:
    features, labels = clusters(4, 5)
    model = MetricModel(features=16, categories=4, config=MetricConfig(dimension=8))
    initialise(model, features, labels, chance())
    for scale in (1e-3, 1.0, 1e4):
        length = model(features * scale).norm(dim=1)
        torch.testing.assert_close(length, torch.ones(20))


@pytest.mark.parametrize("dimension", [2, 16, 40])
def test_the_start_already_tells_clusters_apart(dimension: int) -> None:
    features, labels = clusters(3, 30)
    config = MetricConfig(dimension=dimension)
    model = MetricModel(features=16, categories=3, config=config)
    initialise(model, features, labels, chance())
    assert (model.linear.weight.norm(dim=1) > 0).all()  # more than D: no dead direction
    predicted = model.log_probabilities(model(features)).argmax(1)
    assert (predicted == labels).float().mean() > 0.95
