"""What brings crawled pictures into the pool, screens them, and takes them out."""
