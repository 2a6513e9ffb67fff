"""What the Maildir connector says of itself before it does anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mailboxes.maildir_world import MaildirWorld

from clawback.errors import Unavailable
from clawback.mailboxes.maildir import MaildirConnector
from clawback.mailboxes.maildir.describing import file_system_of
from clawback.testing import asking

MOUNTS = (
    "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "40 22 0:30 / /var/mail rw shared:1 - nfs4 server:/mail rw\n"
    "41 40 0:31 / /var/mailing rw - tmpfs tmpfs rw\n"
)


def test_it_says_what_it_renames_and_where_to(world: MaildirWorld, maildir: MaildirConnector) -> None:
    first, vault, keywords, watching = asking.run(maildir.describe())
    assert str(world.root) in first
    assert f"{world.root / '.clawback'} (made with the first removal); same file system: yes" in vault
    assert "no mailbox has a dovecot-keywords file" in keywords
    # The root, two places of users, and the Maildir with new and cur for each of them.
    assert "changes in 9 directories" in watching


def test_it_counts_mailboxes_whose_keywords_have_names(
    world: MaildirWorld, maildir: MaildirConnector
) -> None:
    folder = world.folder(asking.ANN, "Archive")
    (folder / "dovecot-keywords").write_text("0 $Forwarded\n")
    assert "in 1 of 2 mailboxes" in asking.run(maildir.describe())[2]


def test_a_root_that_is_not_there_cannot_be_described(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        asking.run(MaildirConnector("maildir", tmp_path / "nowhere").describe())


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/mail/ann", "nfs4"), ("/var/mailing/ann", "tmpfs"), ("/var/mailbox", "ext4"), ("/", "ext4")],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert file_system_of(Path(path), tmp_path / "mountinfo") == kind
    assert file_system_of(Path(path), tmp_path / "nosuch") == ""
