"""Classify pictures with this model: python classify.py PICTURE... (numpy, pillow, onnxruntime)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).parent
config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
session, size = onnxruntime.InferenceSession(HERE / "model.onnx"), config["image_size"]
for path in sys.argv[1:]:
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    crop = min(upright.size) * 224 / 256  # what the model was trained to see: the middle
    left, top = ((side - crop) / 2 for side in upright.size)
    box, bilinear = (left, top, left + crop, top + crop), Image.Resampling.BILINEAR
    square = upright.resize((size, size), bilinear, box=box, reducing_gap=2.0)
    chances, _ = session.run(None, {"pictures": np.asarray(square)[None]})
    for label in np.argsort(-chances[0])[:3]:
        sys.stdout.write(
            f"{chances[0][label]:.4f}  {config['categories'][label]['name']}  {path}\n"
        )
