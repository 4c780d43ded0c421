"""The coarse filter of a project: its negatives, how it is asked for, what it scored."""
