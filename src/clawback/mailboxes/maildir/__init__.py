"""Mail that lies in Maildirs, moved by renaming files beside a running mail server."""

from clawback.mailboxes.maildir.connector import MaildirConnector

__all__ = ["MaildirConnector"]
