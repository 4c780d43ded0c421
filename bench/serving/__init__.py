"""How serving behaves with many labelers and a large pool: `python -m bench.serving`."""
