"""The demonstration project: pictures, split, and a simulated expert."""
