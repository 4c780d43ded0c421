"""A small fixed backbone that is computed, not learned: for where no pretrained weights can be had.

Four kinds of statistics, all averaged over what stands out from the picture's border, so that
place and turn of an object matter little:

* a soft colour histogram (Swain and Ballard, "Color indexing",
  IJCV 1991);
* colour co-occurrence at three distances, which says what colour lies beside what colour (Huang et al.,
  "Image indexing using color correlograms", CVPR 1997);
* oriented energy of opponent colours at four scales (Oliva and Torralba, "Modeling the shape of the scene",
  IJCV 2001), kept as Fourier magnitudes over orientation, and the same energy split by colour;
* second-order scattering (Mallat, "Group invariant scattering", 2012; Bruna and Mallat, 2013), averaged over
  common rotations of both layers and over mirror images.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

_HUES = 8
_SCALES = 4
_ORIENTATIONS = 8
_TAPS = 9
_DISTANCES = (1, 4)
_SHARPNESS = 55.0
_BORDER = 0.85
_WEIGHTS = (1.0, 1.0, 1.0, 1.5, 1.5, 1.0, 1.0, 1.0, 2.0)
"""Weight of each block: shapes are fewer numbers than colours, but tell more."""


class FilterBank(nn.Module):
    """Maps pictures to ``dim`` hand-made statistics; it has buffers, but no parameters.

    Any picture of at least 16 x 16 pixels is first resized to ``side`` x ``side`` with antialiasing. The
    features come in blocks; each is square-rooted (the power normalisation of Perronnin et al., ECCV 2010)
    and scaled to unit L2 norm. All pictures share most of such a vector, so its mean is taken away and each
    block is scaled to the same mean length. The means are those of 48 "dead leaves" pictures, heaps of random
    discs that have much of the statistics of photographs (Lee, Mumford and Huang, "Occlusion models for
    natural images", IJCV 2001), drawn from a fixed seed when the module is built.

    Args:
        side: Side in pixels at which the statistics are taken; a multiple of 8, at least 32.

    Attributes:
        dim: Length of a feature vector.
        side: As given.
    """

    # Counted up with every change of what it computes: cached features are kept under it.
    version: Final = 1

    palette: Tensor
    bank: Tensor
    mean: Tensor
    scale: Tensor
    prior: Tensor
    zones: Tensor
    upper: Tensor

    def __init__(self, side: int = 112) -> None:
        super().__init__()
        if side % 8 or side < 32:  # noqa: PLR2004 - the pyramid halves three times
            raise ValueError(f"side must be a multiple of 8 and at least 32, not {side}")
        self.side = side
        palette = _palette()
        count = palette.shape[0]
        self.register_buffer("palette", palette, persistent=False)
        self.register_buffer("bank", _gabors(), persistent=False)
        zones = _zones(side // 2)
        self.register_buffer("zones", zones, persistent=False)
        self.register_buffer("prior", zones[0] / zones[0].max() * 0.8 + 0.2, persistent=False)
        self.register_buffer("upper", torch.triu_indices(count, count), persistent=False)
        with torch.no_grad():
            blocks = self._blocks(_dead_leaves(side))
        means = [block.mean(0) for block in blocks]
        lengths = [(b - m).norm(dim=1).mean() for b, m in zip(blocks, means, strict=True)]
        scales = [
            w / (n * m.new_ones(m.shape)) for w, n, m in zip(_WEIGHTS, lengths, means, strict=True)
        ]
        self.register_buffer("mean", torch.cat(means), persistent=False)
        self.register_buffer("scale", torch.cat(scales), persistent=False)
        self.dim = int(self.mean.shape[0])

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Compute the features.

        Args:
            x: float32 [B, 3, H, W], RGB in 0..1.

        Returns:
            float32 [B, dim], finite, not requiring gradients.

        Raises:
            ValueError: ``x`` has another shape or is too small.
        """
        if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[2:]) < 16:  # noqa: PLR2004
            raise ValueError(
                f"expected pictures [B, 3, H, W] of at least 16 x 16 pixels, got {list(x.shape)}"
            )
        size = (self.side, self.side)
        if tuple(x.shape[2:]) != size:
            x = nnf.interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
        return (torch.cat(self._blocks(x), dim=1) - self.mean) * self.scale

    def _blocks(self, x: Tensor) -> list[Tensor]:
        """The blocks of features, [B, n] each, of pictures of the module's own size."""
        opponent = _opponent(x)
        shares = self._colours(nnf.avg_pool2d(opponent, 2))
        energies = self._energies(opponent)
        weight = self._salience(shares)
        blocks = [
            (shares * weight).mean((-2, -1)),
            *self._co_occurrences(shares, weight),
            _orientation_spectra(energies, weight),
            *_energy_by_colour(shares, energies, weight),
            self._scattering(energies, weight),
        ]
        return [nnf.normalize(block.clamp_min(0).sqrt(), dim=1) for block in blocks]

    def _colours(self, opponent: Tensor) -> Tensor:
        """Soft assignment [B, K, h, w] of each pixel to K palette colours: softmax(-s |c - p_k|^2)."""
        b, _, h, w = opponent.shape
        flat = opponent.flatten(2).transpose(1, 2)
        distance = flat.square().sum(-1, keepdim=True) - 2 * flat @ self.palette.T
        distance = distance + self.palette.square().sum(-1)
        return torch.softmax(-_SHARPNESS * distance, dim=-1).transpose(1, 2).reshape(b, -1, h, w)

    def _salience(self, shares: Tensor) -> Tensor:
        """Weight of each pixel, [B, 1, h, w] with mean 1: how much its colour is one of the middle's.

        With m_k and b_k the shares of colour k in the middle and on the border, a pixel of colour k weighs
        m_k / (m_k + 2 b_k): a picture's border is background more often than not (Wei et al., "Geodesic
        saliency using background priors", ECCV 2012).
        """
        means = torch.einsum("bkhw,zhw->zbk", shares, self.zones)
        middle, border = means.unbind(0)
        odds = middle / (middle + 2 * border + 1e-3)
        weight = (shares * odds[:, :, None, None]).sum(1, keepdim=True)
        weight = nnf.avg_pool2d(weight, 5, 1, 2, count_include_pad=False) * self.prior
        weight = weight.square()
        return weight / (weight.mean((-2, -1), keepdim=True) + 1e-8)

    def _co_occurrences(self, shares: Tensor, weight: Tensor) -> list[Tensor]:
        """For each distance d the symmetric weighted mean of a_i (box_d * a_j), [B, K (K + 1) / 2]."""
        i, j = self.upper[0], self.upper[1]
        flat = (shares * weight).flatten(2)
        blocks = []
        for d in _DISTANCES:
            near = nnf.avg_pool2d(shares, 2 * d + 1, 1, d, count_include_pad=False).flatten(2)
            table = flat @ near.transpose(1, 2) / flat.shape[2]
            blocks.append(((table + table.transpose(1, 2)) / 2)[:, i, j])
        return blocks

    def _energies(self, opponent: Tensor) -> list[Tensor]:
        """Gabor moduli at each scale, [B, 3, orientations, h, w], the picture halved between scales."""
        energies = []
        level = opponent
        for scale in range(_SCALES):
            if scale:
                level = nnf.avg_pool2d(level, 2)
            energies.append(self._modulus(level))
        return energies

    def _modulus(self, maps: Tensor) -> Tensor:
        """|maps * gabor| for every channel: [B, C, h, w] to [B, C, orientations, h, w]."""
        b, c, h, w = maps.shape
        padded = nnf.pad(maps.reshape(b * c, 1, h, w), (_TAPS // 2,) * 4, mode="replicate")
        even, odd = nnf.conv2d(padded, self.bank).reshape(b, c, 2, _ORIENTATIONS, h, w).unbind(2)
        return (even.square() + odd.square() + 1e-8).sqrt()

    def _scattering(self, energies: list[Tensor], weight: Tensor) -> Tensor:
        """Mean of ||L * g_1| * g_2| over pixels and common turns, for each pair of scales.

        Returns:
            [B, pairs * (orientations / 2 + 1)]: the orientation of g_2 relative to that of g_1.
        """
        blocks = []
        for first in range(_SCALES - 1):
            level = energies[first][:, 0]
            for _ in range(first + 1, _SCALES):
                level = nnf.avg_pool2d(level, 2)
                maps = self._modulus(level)
                second = (maps * _fit(weight, maps)[:, None]).mean((-2, -1))
                turned = [second.roll(-t, -1)[:, t] for t in range(_ORIENTATIONS)]
                relative = torch.stack(turned).mean(0)
                # A mirrored picture exchanges the relative orientations r and -r.
                mirrored = relative.flip(-1).roll(1, -1)
                blocks.append(((relative + mirrored) / 2)[:, : _ORIENTATIONS // 2 + 1])
        return torch.cat(blocks, dim=1)


def _opponent(x: Tensor) -> Tensor:
    """Lightness, red-green and blue-yellow, [B, 3, H, W]."""
    r, g, b = x.unbind(1)
    return torch.stack(((r + g + b) / 3, r - g, b - (r + g) / 2), dim=1)


def _palette() -> Tensor:
    """Colours that tile the opponent space, [K, 3]: vivid, dark and pale hues, and greys."""
    colours = [(v, v, v) for v in (0.04, 0.25, 0.5, 0.75, 0.97)]
    for k in range(_HUES):
        for value, saturation in ((0.88, 0.85), (0.45, 0.6), (0.9, 0.35)):
            colours.append(_hue(k / _HUES, saturation, value))
    return _opponent(torch.tensor(colours)[:, :, None, None])[:, :, 0, 0].contiguous()


def _hue(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    def channel(shift: float) -> float:
        wave = abs(((hue + shift) % 1) * 6 - 3) - 1
        return value * (1 - saturation * (1 - min(1.0, max(0.0, wave))))

    return channel(0), channel(2 / 3), channel(1 / 3)


def _gabors() -> Tensor:
    """Even and odd Gabor filters without mean, [2 * orientations, 1, taps, taps]."""
    reach = _TAPS // 2
    axis = torch.arange(-reach, reach + 1, dtype=torch.float32)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    envelope = torch.exp(-(x * x + y * y) / (2 * 1.9**2))
    waves = []
    for wave in (torch.cos, torch.sin):
        for k in range(_ORIENTATIONS):
            angle = math.pi * k / _ORIENTATIONS
            phase = (x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / 4.5)
            kernel = envelope * wave(phase)
            kernel = kernel - envelope * (kernel.sum() / envelope.sum())
            waves.append(kernel / kernel.abs().sum())
    return torch.stack(waves)[:, None]


def _zones(side: int) -> Tensor:
    """Weights of the middle and of the border, [2, side, side], each summing to one."""
    axis = torch.linspace(-1, 1, side)
    radius = (axis[None, :].square() + axis[:, None].square()).sqrt()
    edge = torch.maximum(axis[None, :].abs(), axis[:, None].abs())
    zones = torch.stack((torch.sigmoid((0.5 - radius) * 10), (edge > _BORDER).float()))
    return zones / zones.sum((1, 2), keepdim=True)


def _fit(weight: Tensor, maps: Tensor) -> Tensor:
    """The weight [B, 1, h, w] at the size of ``maps``."""
    return nnf.interpolate(weight, maps.shape[-2:], mode="bilinear", align_corners=False)


def _orientation_spectra(energies: list[Tensor], weight: Tensor) -> Tensor:
    """Fourier magnitudes over orientation of the weighted mean energy: no turn changes them."""
    spectra = []
    for energy in energies:
        mean = (energy * _fit(weight, energy)[:, None]).mean((-2, -1))
        spectra.append(torch.fft.rfft(mean, dim=-1).abs().flatten(1))
    return torch.cat(spectra, dim=1)


def _energy_by_colour(shares: Tensor, energies: list[Tensor], weight: Tensor) -> list[Tensor]:
    """How much fine structure each colour carries at each scale: mean of w a_k sum_theta E, [B, K]."""
    blocks = []
    for energy in energies:
        total = _fit(energy[:, 0].mean(1, keepdim=True), shares) * weight
        blocks.append((shares * total).mean((-2, -1)))
    return blocks


def _dead_leaves(side: int, count: int = 48, discs: int = 60) -> Tensor:
    """Heaps of discs of random sizes, colours and gratings, [count, 3, side, side] in 0..1."""
    generator = torch.Generator().manual_seed(7)
    axis = torch.linspace(-1, 1, side)
    y, x = axis[:, None], axis[None, :]
    pictures = torch.rand(count, 3, 1, 1, generator=generator).expand(-1, -1, side, side)
    for _ in range(discs):
        cx, cy, size, phase, pitch, depth = torch.rand(6, count, 1, 1, 1, generator=generator)
        radius = 0.08 / (0.1 + size)
        inside = (x - 2.4 * cx + 1.2).square() + (y - 2.4 * cy + 1.2).square() < radius.square()
        along = x * torch.cos(7 * phase) + y * torch.sin(7 * phase)
        grating = 1 - 0.4 * depth * (0.5 + 0.5 * torch.sin(along * (6 + 60 * pitch)))
        colour = torch.rand(count, 3, 1, 1, generator=generator)
        grey = colour.mean(1, keepdim=True)
        pictures = torch.where(inside, (0.5 * colour + 0.5 * grey) * grating, pictures)
    return pictures
