"""Porch: what tests, demos and third parties share, shipped with the package. Nothing else imports it."""
