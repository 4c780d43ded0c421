import torch

from models.config import MetricConfig
from models.train import fit
from workers.round_data import Labeled
from workers.train_round import Data, _exemplars


def test_exemplars_take_turns_between_the_nearest_of_each_anchor() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(24, 16, generator=generator)
    features[12:] += 2 * torch.rand(16, generator=generator)
    labels = torch.arange(24) // 12
    none = features.new_zeros(0, 16)
    config = MetricConfig(steps=20, dimension=8)
    model = fit(features, labels, none, labels[:0], categories=2, config=config)
    train = [Labeled(100 + row, f"{row}", 7 + int(labels[row])) for row in range(24)]
    data = Data(categories=[7, 8], train=train, test=[], rejected=[])

    chosen = _exemplars(model, data, features)

    with torch.inference_mode():
        near = torch.cdist(model(features[:12]), model.anchors[0])
    assert chosen[7][0] == 100 + int(near[:, 0].argmin())
    assert set(chosen[7][:3]) >= {100 + row for row in near.argmin(dim=0).tolist()}
    assert len(set(chosen[7])) == len(chosen[7]) == 9
    assert not set(chosen[7]) & set(chosen[8])
