"""The command line: everything that starts, stops, migrates and seeds."""
