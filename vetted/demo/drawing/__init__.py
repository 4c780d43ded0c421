"""Invented flower species and pictures of them, for a demo that has neither pictures nor a network."""

from vetted.demo.drawing.catalogue import SPECIES
from vetted.demo.drawing.distractors import draw_distractor
from vetted.demo.drawing.folder import DISTRACTORS, write_folder
from vetted.demo.drawing.scene import draw
from vetted.demo.drawing.species import Species

__all__ = ["DISTRACTORS", "SPECIES", "Species", "draw", "draw_distractor", "write_folder"]
