"""How fast crawled pictures come in: `python -m bench.ingest`."""
