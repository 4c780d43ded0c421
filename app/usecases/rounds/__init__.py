"""From starting a round to its end, and back."""
