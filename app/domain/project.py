"""The limits of what a lead chooses for a project."""

from typing import Final

MOST_SUBSETS: Final = 1000
SMALLEST_SIZE: Final = 32
LARGEST_SIZE: Final = 1024
"""Sides in pixels of the pictures that a backbone gets."""
