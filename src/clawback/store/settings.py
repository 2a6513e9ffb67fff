"""Settings that are changed while clawback runs, such as the policy of automation."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from clawback.store.repository import Repository
from clawback.store.schema import settings
from clawback.store.text import canonical_json


class Settings(Repository):
    """Named JSON objects."""

    def get(self, name: str) -> dict[str, Any] | None:
        """The value, None when it was never put."""
        found = self._connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()
        return None if found is None else json.loads(found)

    def put(self, name: str, value: dict[str, Any]) -> None:
        """Replace the value."""
        tail = 'ON CONFLICT (name) DO UPDATE SET "value" = excluded."value"'
        self._insert(settings, ("name", "value"), [(name, canonical_json(value))], tail)
