"""Versions of the dataset: frozen, told, exported."""
