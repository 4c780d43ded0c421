"""Training pictures that nearly equal a test picture: they would flatter the model."""

from collections.abc import Sequence

from torch import Tensor

from models.neighbours import nearly_equal
from workers.round_data import Labeled


def kept_rows(
    train: Sequence[Labeled], features: Tensor, test_features: Tensor, centre: Tensor
) -> list[int]:
    """The rows of `train` to use, in their order.

    A category is never emptied: its last image stays, and the test accuracy counts it as it is.

    Args:
        train: The training pictures.
        features: Float [len(train), D] of them.
        test_features: Float [m, D].
        centre: Float [D], see `models.neighbours`.
    """
    leaked = nearly_equal(features, test_features, centre).tolist()
    kept = [row for row in range(len(train)) if not leaked[row]]
    left = {train[row].category_id for row in kept}
    for row, example in enumerate(train):
        if example.category_id not in left:
            kept.append(row)
            left.add(example.category_id)
    return sorted(kept)
