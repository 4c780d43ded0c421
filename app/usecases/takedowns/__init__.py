"""Pictures that must go: found, removed everywhere, kept out, and their bytes erased."""
