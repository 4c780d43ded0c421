"""How far decisions can be trusted."""
