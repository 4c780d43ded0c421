"""Alembic migrations, run from code: the product ships them inside its package."""
