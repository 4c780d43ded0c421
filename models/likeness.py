"""Whether two pictures show the same photograph, by their grey pixels.

Three looks, each dearer and surer than the one before: a hash to look a picture up by, a small plane
that is laid over another at every place and scale, and a larger plane whose place is found to a
fraction of a pixel. docs/decisions/near-duplicates.md says why, and what was measured.

A plane is a whole picture squashed to a square. One of two pictures is taken to be cut out of the
other or to have a border around it, perhaps mirrored, and never to be turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL: Final = 16
LARGE: Final = 64
_HASHED: Final = 32
_FREQUENCIES: Final = 11
_BANDS: Final = 4

# What is laid over the other picture is the middle of this one: a border is not in it.
_MIDDLE: Final = 0.75
# So much of the other picture's sides the middle may cover.
_SCALES: Final = tuple(np.geomspace(0.55, 0.96, 5).tolist())
# Crops change the shape of a picture, but not into anything.
_MOST_STRETCHED: Final = 2.0


def grey(picture: Image.Image, side: int) -> Tensor:
    """The picture squashed to a square: float [side, side], 0..1."""
    small = picture.convert("L").resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)


def small_plane(picture: Image.Image) -> bytes:
    """SMALL x SMALL grey bytes, row by row: what `PlanePair.lay_over` compares."""
    plane = picture.convert("L").resize((SMALL, SMALL), Image.Resampling.BOX, reducing_gap=2.0)
    return plane.tobytes()


def planes_of(stored: Sequence[bytes]) -> Tensor:
    """Float [n, SMALL, SMALL], 0..1, of stored planes."""
    flat = np.frombuffer(b"".join(stored), dtype=np.uint8).astype(np.float32) / 255
    return torch.from_numpy(flat).reshape(-1, SMALL, SMALL)


def _cosines() -> np.ndarray:
    frequency = np.arange(_FREQUENCIES)[:, None]
    place = np.arange(_HASHED)[None]
    return np.cos(np.pi * (2 * place + 1) * frequency / (2 * _HASHED))


_DCT: Final = _cosines()
# The lowest frequencies but for the mean, spread over the bands so that each has low and high ones.
_KEPT: Final = sorted(
    ((v, h) for v in range(_FREQUENCIES) for h in range(_FREQUENCIES) if v + h > 0),
    key=lambda each: (each[0] + each[1], each),
)[:64]
_BIT: Final = [(index % _BANDS) * 16 + index // _BANDS for index in range(len(_KEPT))]
_ODD: Final = sum(1 << bit for bit, (_, across) in zip(_BIT, _KEPT, strict=True) if across % 2)


def picture_hash(picture: Image.Image) -> int:
    """64 bits, as a signed integer: the signs of the lowest frequencies of the cosine transform."""
    pixels = grey(picture, _HASHED).numpy()
    table = _DCT @ pixels @ _DCT.T
    found = sum(
        1 << bit for bit, (down, across) in zip(_BIT, _KEPT, strict=True) if table[down, across] > 0
    )
    return _signed(found)


def mirrored(found: int) -> int:
    """The hash of the mirrored picture: frequencies that are odd across change their sign."""
    return _signed((found ^ _ODD) & _ALL)


def hash_distance(one: int, other: int) -> int:
    """In how many bits two hashes differ, one of them mirrored if that is nearer."""
    return min((one ^ other) & _ALL, (mirrored(one) ^ other) & _ALL, key=int.bit_count).bit_count()


def band_keys(found: int) -> list[list[int]]:
    """For each of the four bands its 16 bits, then those with one bit changed.

    Two hashes that differ in at most 7 bits differ in at most one bit of one band.
    """
    bands = [((found & _ALL) >> (16 * band)) & 0xFFFF for band in range(_BANDS)]
    return [[key, *(key ^ (1 << bit) for bit in range(16))] for key in bands]


_ALL: Final = (1 << 64) - 1


def _signed(unsigned: int) -> int:
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned


@dataclass(frozen=True)
class Laid:
    """How pairs lie over each other best.

    Attributes:
        score: Float [n], the correlation there, -1..1.
        way: int64 [n]: 0 the first is laid over the second, 1 mirrored; 2 the second over the first,
            3 mirrored.
        box: Float [n, 4], the place of the laid picture's middle in the other: left, top, right,
            bottom, in parts of its sides.
    """

    score: Tensor
    way: Tensor
    box: Tensor


def lay_over(first: Tensor, second: Tensor, stretch: Tensor) -> Laid:
    """Try every place and some scales.

    Args:
        first: Float [n, SMALL, SMALL].
        second: Float [n, SMALL, SMALL].
        stretch: Float [n], width / height of the first by that of the second. Pairs that no crop
            explains lie over each other as if they were not stretched.
    """
    stretch = torch.where(
        (stretch > _MOST_STRETCHED) | (stretch < 1 / _MOST_STRETCHED), 1.0, stretch
    ).sqrt()
    ones = _search(torch.stack([first, first.flip(2)], 1), second, stretch)
    others = _search(torch.stack([second, second.flip(2)], 1), first, 1 / stretch)
    scores = torch.cat([ones[0], others[0]], 1)
    boxes = torch.cat([ones[1], others[1]], 1)
    score, way = scores.max(1)
    return Laid(score, way, boxes[torch.arange(len(way)), way])


def _search(laid: Tensor, under: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor]:
    """The best of [n, m, SMALL, SMALL] over [n, SMALL, SMALL]: scores [n, m], boxes [n, m, 4]."""
    pairs, ways = laid.shape[:2]
    score = torch.full((pairs, ways), -1.0)
    box = torch.zeros(pairs, ways, 4)
    margin = round(SMALL * (1 - _MIDDLE) / 2)
    middle = laid[:, :, margin : SMALL - margin, margin : SMALL - margin]
    for scale in _SCALES:
        widths = (scale * stretch * SMALL).round().clamp(5, SMALL).long()
        heights = (scale / stretch * SMALL).round().clamp(5, SMALL).long()
        for key in torch.unique(widths * 100 + heights).tolist():
            width, height = key // 100, key % 100
            rows = (widths * 100 + heights == key).nonzero()[:, 0]
            shrunk = interpolate(
                middle[rows],
                size=(height, width),
                mode="bilinear",
                antialias=True,
                align_corners=False,
            ).flatten(2)
            places = under[rows].unfold(1, height, 1).unfold(2, width, 1)
            across = places.shape[2]
            places = places.flatten(3).flatten(1, 2)
            found = torch.bmm(_unit(places), _unit(shrunk).transpose(1, 2))
            best, place = found.max(1)
            top = torch.div(place, across, rounding_mode="floor")
            left = place % across
            there = torch.stack([left, top, left + width, top + height], -1) / SMALL
            better = best > score[rows]
            score[rows] = torch.where(better, best, score[rows])
            box[rows] = torch.where(better[..., None], there, box[rows])
    return score, box


def _unit(values: Tensor) -> Tensor:
    """Along the last axis without its mean, at length 1; what is flat stays near 0."""
    centred: Tensor = values - values.mean(-1, keepdim=True)
    lengths: Tensor = centred.norm(dim=-1, keepdim=True)
    return centred / (lengths + 1e-3)


_LOOKS: Final = 32  # samples a side while the place is sought
_JUDGED: Final = 48  # and when it is judged
_JUDGED_MIDDLE: Final = 0.8
_BLUR: Final = 7
_TILES: Final = 6
_DROPPED: Final = 9
# Left, top, right, bottom: shifts, zooms and stretches.
_MOVES: Final = torch.tensor(
    [
        *([1, 0, 1, 0], [-1, 0, -1, 0], [0, 1, 0, 1], [0, -1, 0, -1]),
        *([-1, -1, 1, 1], [1, 1, -1, -1]),
        *([-1, 0, 1, 0], [1, 0, -1, 0], [0, -1, 0, 1], [0, 1, 0, -1]),
    ],
    dtype=torch.float32,
)
_STEPS: Final = (1 / 32, 1 / 64, 1 / 128, 1 / 256)


def same_photograph(first: Tensor, second: Tensor, laid: Laid) -> Tensor:
    """How well the fine structure of pairs agrees once one lies over the other as exactly as can be.

    Of the middle of the picture on top only what lies over the other counts, and there the
    differences from a blurred copy: two photographs of one species have shapes and colours in
    common, but no edges in the same places. A quarter of the tiles, those that agree least, is left
    out: there may be a text or a logo.

    Args:
        first: Float [n, LARGE, LARGE].
        second: Float [n, LARGE, LARGE].
        laid: Of the same pairs, see `lay_over`.

    Returns:
        Float [n], a correlation, -1..1.
    """
    swapped = (laid.way >= 2)[:, None, None]  # noqa: PLR2004 - see Laid
    top = torch.where(swapped, second, first)
    under = torch.where(swapped, first, second)
    top = torch.where((laid.way % 2 == 1)[:, None, None], top.flip(2), top)
    size = (laid.box[:, 2:] - laid.box[:, :2]) / _MIDDLE
    margin = size * (1 - _MIDDLE) / 2
    frame = torch.cat([laid.box[:, :2] - margin, laid.box[:, 2:] + margin], 1)
    frame = _settle(top, under, frame)
    on_top, beneath = _seen(top, under, frame, _JUDGED)
    return _trimmed(_fine(on_top), _fine(beneath))


def _settle(top: Tensor, under: Tensor, frame: Tensor) -> Tensor:
    """Move the frames [n, 4] of the pictures on top, by ever smaller steps, while it helps."""
    best = _correlation(*_seen(top, under, frame, _LOOKS))
    for step in _STEPS:
        for _ in range(3):
            tries = frame[:, None] + _MOVES * step
            count = tries.shape[1]
            scores = _correlation(
                *_seen(
                    top.repeat_interleave(count, 0),
                    under.repeat_interleave(count, 0),
                    tries.flatten(0, 1),
                    _LOOKS,
                )
            ).reshape(-1, count)
            found, move = scores.max(1)
            better = found > best
            if not better.any():
                break
            best = torch.where(better, found, best)
            chosen = tries[torch.arange(len(move)), move]
            frame = torch.where(better[:, None], chosen, frame)
    return frame


def _seen(top: Tensor, under: Tensor, frame: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Both pictures [n, samples, samples] where the middle of the one on top lies over the other."""
    size = (frame[:, 2:] - frame[:, :2]).clamp(min=0.05)
    margin = size * (1 - _JUDGED_MIDDLE) / 2
    start = (frame[:, :2] + margin).clamp(0, 0.95)
    stop = torch.maximum((frame[:, 2:] - margin).clamp(0, 1), start + 0.05)
    within = torch.cat([(start - frame[:, :2]) / size, (stop - frame[:, :2]) / size], 1)
    return _sampled(top, within, samples), _sampled(under, torch.cat([start, stop], 1), samples)


def _sampled(pictures: Tensor, boxes: Tensor, samples: int) -> Tensor:
    steps = (torch.arange(samples) + 0.5) / samples
    across = boxes[:, 0:1] + (boxes[:, 2:3] - boxes[:, 0:1]) * steps
    down = boxes[:, 1:2] + (boxes[:, 3:4] - boxes[:, 1:2]) * steps
    count = len(boxes)
    grid = torch.stack(
        [
            across[:, None, :].expand(count, samples, samples),
            down[:, :, None].expand(count, samples, samples),
        ],
        -1,
    )
    return grid_sample(pictures[:, None], 2 * grid - 1, align_corners=False, padding_mode="border")[
        :, 0
    ]


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    return (_unit(one.flatten(1)) * _unit(other.flatten(1))).sum(1)


def _fine(pictures: Tensor) -> Tensor:
    edge = _BLUR // 2
    around = pad(pictures[:, None], (edge, edge, edge, edge), mode="replicate")
    return pictures - avg_pool2d(around, _BLUR, 1)[:, 0]


def _trimmed(one: Tensor, other: Tensor) -> Tensor:
    """The correlation [n] of the tiles that are left when those that agree least are dropped."""
    side = _JUDGED // _TILES

    def tiles(values: Tensor) -> Tensor:
        cut = values.unfold(1, side, side).unfold(2, side, side)
        return cut.flatten(3).flatten(1, 2)

    a, b = tiles(one), tiles(other)
    apart = (_scaled(a) - _scaled(b)).square().sum(2)
    kept = apart.argsort(1)[:, : _TILES**2 - _DROPPED, None].expand(-1, -1, side**2)
    return _correlation(a.gather(1, kept), b.gather(1, kept))


def _scaled(tiles: Tensor) -> Tensor:
    lengths: Tensor = tiles.flatten(1).norm(dim=1)
    return tiles / (lengths[:, None, None] + 1e-3)
