"""A dataset version as bytes: one small writer for each format, over rows, without web or database."""
