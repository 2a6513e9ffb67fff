"""What every table is made of: the one metadata, and columns as both databases have them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Text

metadata = MetaData()

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def running_number() -> Column[int]:
    """The column `no`, which the database counts up."""
    return Column("no", NUMBER, primary_key=True, autoincrement=True)


def text_column(name: str, *, unique: bool = False, primary_key: bool = False) -> Column[str]:
    """Text that is always there."""
    return Column(name, Text, nullable=False, unique=unique or None, primary_key=primary_key)


def integer(
    name: str, *, nullable: bool = False, primary_key: bool = False, unique: bool = False
) -> Column[int]:
    """A 64-bit integer; times are microseconds since 1970, UTC."""
    return Column(
        name,
        BigInteger,
        nullable=nullable,
        primary_key=primary_key,
        unique=unique or None,
        autoincrement=False,
    )


def blob(name: str) -> Column[bytes]:
    """Bytes that are always there."""
    return Column(name, LargeBinary, nullable=False)
