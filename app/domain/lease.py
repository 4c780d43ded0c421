"""Leases on proposals."""

from datetime import timedelta

# Long enough to look a species up in a book, short enough that a closed laptop strands nothing.
LEASE = timedelta(minutes=5)
MOST_LEASED = 60
