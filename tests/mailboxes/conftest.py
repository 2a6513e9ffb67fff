"""A tree of two Maildirs for the tests of the Maildir connector."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mailboxes.maildir_world import MaildirWorld

from clawback.mailboxes.maildir import MaildirConnector


@pytest.fixture
def world(tmp_path: Path) -> MaildirWorld:
    return MaildirWorld(tmp_path / "mail", ("ann", "bob"))


@pytest.fixture
def maildir(world: MaildirWorld) -> MaildirConnector:
    return MaildirConnector("maildir", world.root)
