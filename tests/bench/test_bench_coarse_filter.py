"""The benchmark of the coarse filter, on drawn pictures."""

import json
import sys
from pathlib import Path

import pytest

from bench import coarse_filter
from vetted.demo.drawing import SPECIES, draw, draw_distractor


def test_flowers_are_told_from_strangers_that_were_never_negatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, species in enumerate(SPECIES[:4]):
        for index in range(8):
            flower = tmp_path / "flowers" / species.slug / f"{index}.jpg"
            stranger = tmp_path / "others" / f"{place}" / f"{index}.jpg"
            for file in (flower, stranger):
                file.parent.mkdir(parents=True, exist_ok=True)
            draw(species, index).save(flower)
            draw_distractor(8 * place + index).save(stranger)
    options = {"images": "flowers", "distractors": "others", "cache": "cache"}
    words = [word for name, of in options.items() for word in (f"--{name}", str(tmp_path / of))]
    monkeypatch.setattr(sys, "argv", ["bench", *words, "--seeds", "2", "--json"])
    monkeypatch.setattr(coarse_filter, "SETTINGS", ((3, 10),))
    monkeypatch.setattr(coarse_filter, "FEW", 2)
    coarse_filter.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    first, *_ = result["filterbank"]
    assert (first["categories"], first["seeds_per_category"]) == (2, 3)
    assert first["negatives"] == [10.0, 0.0]
    for name in ("auc_known", "auc_unknown", "kept_known", "kept_unknown", "kept_distractors"):
        mean, spread = first[name]
        assert 0 <= mean <= 1
        assert spread >= 0
    assert first["auc_known"][0] > 0.5
