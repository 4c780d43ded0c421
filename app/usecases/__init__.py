"""What people and workers can do, one verb a file: load, decide, save."""
