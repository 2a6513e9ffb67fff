"""`clawback demo`: placeholder module replaced below."""
