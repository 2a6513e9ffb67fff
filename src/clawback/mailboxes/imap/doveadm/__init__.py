"""Moving by doveadm, Dovecot's administration tool, for the users who hold a copy and nobody else."""

from clawback.mailboxes.imap.doveadm.hand import Availability, DoveadmHand

__all__ = ["Availability", "DoveadmHand"]
