"""How well near-duplicates are found: see `__main__`."""
