"""A real PostgreSQL, a real Valkey and the product's own processes, started and supervised."""
