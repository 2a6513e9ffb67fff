"""Protections around a message: S/MIME (RFC 8551) and PGP (RFC 3156, RFC 9580) noted, not opened."""

from __future__ import annotations

from clawback.message.mime import Entity

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_AUTHENVELOPED_DATA = bytes.fromhex("2a864886f70d0109100117")


def wrapper_of_multipart(entity: Entity) -> str:
    """The wrapper that a multipart says it is, or ""."""
    protocol = entity.content.parameters.get("protocol", "").lower()
    if entity.content.value == "multipart/signed":
        return "pgp_signed" if "pgp" in protocol else "smime_signed" if "pkcs7" in protocol else ""
    if entity.content.value == "multipart/encrypted":
        return "pgp_encrypted" if "pgp" in protocol or not protocol else ""
    return ""


def wrapper_of_leaf(entity: Entity, content: bytes) -> str:
    """The wrapper that a leaf is, by its type and where that is silent by its bytes, or ""."""
    kind = entity.content.value
    if kind in {"application/pkcs7-mime", "application/x-pkcs7-mime"} or entity.name.lower() == "smime.p7m":
        return _smime(entity.content.parameters.get("smime-type", "").lower(), content)
    if kind in {"application/pkcs7-signature", "application/x-pkcs7-signature"}:
        return "smime_signed"
    if kind == "application/ms-tnef" or entity.name.lower() == "winmail.dat":
        return "tnef"
    if kind in {"application/pgp-encrypted", "application/pgp"}:
        return "pgp_encrypted"
    return "pgp_signed" if kind == "application/pgp-signature" else ""


def _smime(declared: str, content: bytes) -> str:
    start = content[:64]
    if declared in {"signed-data", "certs-only"} or _SIGNED_DATA in start:
        return "smime_signed"
    if declared or _ENVELOPED_DATA in start or _AUTHENVELOPED_DATA in start:
        return "smime_encrypted"
    return "smime_encrypted"


def wrapper_of_text(text: str) -> str:
    """The PGP wrapper written into a plain text, or ""."""
    if "-----BEGIN PGP " not in text:
        return ""
    if "-----BEGIN PGP SIGNED MESSAGE-----" in text:
        return "pgp_signed"
    return "pgp_encrypted" if "-----BEGIN PGP MESSAGE-----" in text else ""
