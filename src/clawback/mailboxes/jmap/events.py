"""Events as servers push them (text/event-stream, WHATWG HTML, section 9.2), from whatever bytes arrive."""

from __future__ import annotations

from clawback.errors import ProtocolViolation

LONGEST = 1 << 20
"""Bytes of one event."""


class EventReader:
    """Takes bytes in any pieces and gives the data of each event that has come to its end."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that end in this piece. Raises ProtocolViolation when one is too long."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        events = [data for line in lines if (data := self._line(line.removesuffix(b"\r")))]
        if self._size + len(self._rest) > LONGEST:
            raise ProtocolViolation("the server pushes an event that does not end")
        return events

    def _line(self, line: bytes) -> bytes:
        """What an event says that ends with this line; nothing while it goes on."""
        if not line:
            data, self._data, self._size = b"\n".join(self._data), [], 0
            return data
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._size += len(line)
        return b""
