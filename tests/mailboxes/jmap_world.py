"""What owners and administrators do on a Cyrus server, by IMAP, beside the JMAP connector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from imapclient import IMAPClient
from tests.mailboxes.imap_world import CyrusWorld, user_of
from tests.servers.cyrus import PASSWORD

from clawback.mailboxes.jmap import Login, Options
from clawback.message.delivery import Handle


class JmapWorld(CyrusWorld):
    """Two fresh mailboxes. Cyrus shows the ids of JMAP to mail programs too (RFC 8474)."""

    def jmap_options(self, **changed: object) -> Options:
        """What the connector is told."""
        login = Login(self.server.admin, lambda: self.server.admin_password)
        options = Options(self.server.jmap_url, login, poll=0.2)
        return replace(options, **changed)  # type: ignore[arg-type]

    def own_options(self, **changed: object) -> Options:
        """What the connector is told when every owner gave it a password."""
        own = {f"{user}@example.org": Login(user, lambda: PASSWORD) for user in ("ann", "bob")}
        return self.jmap_options(login=None, own=own, **changed)

    def copy(self, handle: Handle, folder: str) -> None:
        """The owner puts a copy into another folder too, which is made where missing."""
        with self._at(handle) as (client, uid):
            if not client.folder_exists(folder):
                client.create_folder(folder)
            client.copy([uid], folder)

    def state(self, mailbox: str) -> object:
        """The same with the ids of messages and threads."""
        ids: dict[str, object] = {}
        with self.owner(user_of(mailbox)) as client:
            for _, _, folder in client.list_folders():
                client.select_folder(folder, readonly=True)
                fetched = client.fetch(client.search(), ["EMAILID", "THREADID"])
                ids[folder] = sorted(str((m[b"EMAILID"], m[b"THREADID"])) for m in fetched.values())
        return super().state(mailbox), ids

    @contextmanager
    def _at(self, handle: Handle) -> Iterator[tuple[IMAPClient, int]]:
        with self.owner(user_of(handle.mailbox)) as client:
            client.select_folder(handle.folder)
            found = client.fetch(client.search(), ["EMAILID"])
            wanted = (handle.native_id.partition(".")[0].encode(),)
            (uid,) = (uid for uid, message in found.items() if message[b"EMAILID"] == wanted)
            yield client, uid
