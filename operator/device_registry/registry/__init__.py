"""Postgres: the registry's tables, statements and migrations. Nothing else in this project speaks SQL."""
