"""Requests and answers of /api/v1. OpenAPI is made of these, so each says what it means."""
