"""Where a flower stands in the picture, seen by a camera that looks straight down its own axis."""

import math
from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Place, size and attitude of one flower.

    The flower's own axes are x and y in its plane and z along its axis, out of its face; the camera's are x
    right, y down and z towards the eye.

    Attributes:
        x: Column of the flower's centre, in pixels of the canvas.
        y: Row of the centre.
        radius: Length of a petal in pixels.
        tilt: Angle between the axis and the direction of view, radians; 0 shows the face, pi/2 the side.
        roll: Turn of the picture's plane; with roll 0 a tilted axis points up.
        spin: Turn of the flower about its own axis.
    """

    x: float
    y: float
    radius: float
    tilt: float = 0.0
    roll: float = 0.0
    spin: float = 0.0

    def turn(self, point: Vector) -> Vector:
        """Rotate a direction of the flower into the camera's axes."""
        x, y, z = point
        ct, st = math.cos(self.tilt), math.sin(self.tilt)
        y, z = y * ct - z * st, y * st + z * ct
        cr, sr = math.cos(self.roll), math.sin(self.roll)
        return x * cr - y * sr, x * sr + y * cr, z

    def place(self, point: Vector) -> tuple[float, float]:
        """Project a point of the flower, in petal lengths, onto the canvas."""
        x, y, _ = self.turn(point)
        return self.x + self.radius * x, self.y + self.radius * y


@dataclass(frozen=True)
class Light:
    """Where the light comes from (camera's axes, unit length) and how hard it is."""

    direction: Vector
    hardness: float

    def shade(self, normal: Vector) -> float:
        """Brightness of a matt, slightly translucent surface: 1 on average."""
        facing = sum(n * d for n, d in zip(normal, self.direction, strict=True))
        through = 0.35 * max(0.0, -facing)
        return 1 - 0.55 * self.hardness + self.hardness * (max(0.0, facing) + through) * 0.85


def polar(angle: float, elevation: float, length: float = 1.0) -> Vector:
    """The flower's point at an azimuth and an elevation above its plane, in radians."""
    flat = math.cos(elevation) * length
    return math.cos(angle) * flat, math.sin(angle) * flat, math.sin(elevation) * length
