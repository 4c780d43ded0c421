"""The methods of chapter 2 of the paper, compared on real pictures."""
