"""Contract suites that ship with clawback, for whoever writes a part of their own. They need pytest."""
