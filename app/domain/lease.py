"""Leases on proposals."""

from datetime import timedelta

# Long enough to look a species up in a book, short enough that a closed laptop strands nothing.
LEASE = timedelta(minutes=5)
# A page asks for more every few answers: what has this much left is not written anew each time.
FRESH = timedelta(minutes=4)
MOST_LEASED = 60
