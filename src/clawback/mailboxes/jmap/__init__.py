"""The JMAP connector: a whole organisation on one JMAP server (RFC 8620, RFC 8621)."""

from clawback.mailboxes.jmap.connector import JmapConnector
from clawback.mailboxes.jmap.options import Login, Options, Places

__all__ = ["JmapConnector", "Login", "Options", "Places"]
