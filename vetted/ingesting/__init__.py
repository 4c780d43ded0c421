"""`vetted ingest`: crawled pictures of this machine, archives, addresses, pushed into a pool."""
