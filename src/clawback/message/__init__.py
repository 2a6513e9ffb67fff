"""Pure: bytes to Message. Never raises on bad mail, reads no file, clock or environment."""
