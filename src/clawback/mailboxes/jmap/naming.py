"""Native ids: what tells one copy from all others of its mailbox.

A message (JMAP: Email) may lie in several folders, and is a copy in each. So a copy's native id is the
message's id and the folder's. It changes when the copy goes to another folder, like the UID of IMAP, and is
the same again when it comes back. It stays when the folder is renamed.
"""

from __future__ import annotations

from clawback.message.delivery import Handle


def native_id(email: str, folder: str) -> str:
    """The native id of a message in a folder, from the ids of both, which have no dots."""
    return f"{email}.{folder}"


def email_of(handle: Handle) -> str:
    """The id of the message that a handle means."""
    return handle.native_id.partition(".")[0]


def folder_of(handle: Handle) -> str:
    """The id of the folder that a handle means; empty for a handle that is none of ours."""
    return handle.native_id.partition(".")[2]
