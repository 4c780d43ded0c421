"""Examples that are there already: seeds, datasets of others."""
