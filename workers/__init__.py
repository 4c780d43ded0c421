"""Celery tasks: claim, compute, publish."""
