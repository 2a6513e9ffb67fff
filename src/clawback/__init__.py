"""clawback: automated investigation and response for email, open and self-hosted."""

__version__ = "0.1.0"
