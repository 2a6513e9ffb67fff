"""Modified UTF-7 (RFC 3501, 5.1.3), in which Maildir++ folders are named on disk."""

from __future__ import annotations

import binascii


def encode(text: str) -> str:
    """The name as it is written on disk."""
    out: list[str] = []
    wide: list[str] = []
    for char in text:
        if " " <= char <= "~":
            out += [_shifted(wide), "&-" if char == "&" else char]
            wide = []
        else:
            wide.append(char)
    return "".join([*out, _shifted(wide)])


def _shifted(wide: list[str]) -> str:
    if not wide:
        return ""
    data = "".join(wide).encode("utf-16-be", "surrogatepass")
    return f"&{binascii.b2a_base64(data, newline=False).rstrip(b'=').decode().replace('/', ',')}-"


def decode(name: str) -> str | None:
    """The name for people; None when it is not what `encode` would have written."""
    parts = name.split("&")
    out = [parts[0]]
    for part in parts[1:]:
        shifted, minus, rest = part.partition("-")
        text = _unshifted(shifted) if minus else None
        if text is None:
            return None
        out += [text, rest]
    text = "".join(out)
    return text if encode(text) == name else None


def _unshifted(shifted: str) -> str | None:
    if not shifted:
        return "&"
    try:
        data = binascii.a2b_base64(shifted.replace(",", "/") + "=" * (-len(shifted) % 4))
        return data.decode("utf-16-be")
    except ValueError:
        return None
