"""Mail addresses (RFC 5322 section 3.4, RFC 6532), read leniently."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One address: the display name as a person sees it, the address with its domain in lower case."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part after the last ``@``, in lower case and punycode where needed; empty if none."""
        return self.address.rpartition("@")[2].lower() if "@" in self.address else ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address
