"""What a lead does to whole categories: rename, merge, split, retire, and take it back."""
