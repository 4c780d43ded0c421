"""A model version with its backbone, put together to be taken away."""

from pathlib import Path

from app.blobs import Blobs
from app.usecases.dataset.export_model import TrainedModel, checkpoint_of
from models import checkpoint
from models.backbone import WeightsUnavailable, load_backbone
from models.package import write_package


def export_model(
    trained: TrainedModel, blobs: Blobs, weights_dir: Path | None, folder: Path
) -> float | None:
    """Write the folder of `models.package`; gives the largest difference of ONNX, None without it.

    Raises:
        NotFoundError: when the checkpoint is not stored.
        ValueError: when the weights of the backbone are not those that the model was trained on,
            or for whatever else `write_package` refuses.
    """
    head = checkpoint.from_bytes(checkpoint_of(trained, blobs))
    weights = None
    if trained.weights is not None:
        if weights_dir is None:
            raise ValueError(
                f"The model was trained on the weights file {trained.weights!r}. "
                "Name the folder that holds it: --weights-dir, or VETTED_WEIGHTS_DIR."
            )
        weights = weights_dir / trained.weights
    try:
        backbone = load_backbone(trained.backbone, weights, image_size=trained.image_size)
    except WeightsUnavailable as error:
        raise ValueError(str(error)) from error
    if backbone.fingerprint != trained.fingerprint:
        raise ValueError(
            "These are not the weights that the model was trained on: the fingerprint of the backbone "
            f"is {backbone.fingerprint[:12]} and should be {trained.fingerprint[:12]}. "
            "Name the folder of the workers' weights files."
        )
    try:
        return write_package(backbone, head, trained.config, folder)
    except ImportError as error:
        raise ValueError(f"{error}. Install the extra: pip install 'vetted[onnx]'.") from error
