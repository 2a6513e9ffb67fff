"""Whom we tell."""
