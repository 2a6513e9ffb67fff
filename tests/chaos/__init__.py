"""Chaos: removal and undo on a real Dovecot while owners, deliveries and kills go on at random."""
