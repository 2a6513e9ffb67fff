"""Bytes to text by a charset's label, as mail programs do it: aliases known, nothing refused."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# The codecs that turn bytes into text in time linear in the bytes. Python's others (idna, punycode,
# unicode_escape, zlib ...) are slow, unsafe or no charsets.
_SAFE_NAMES = """
    ascii big5 big5hkscs cp037 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255
    cp1256 cp1257 cp1258 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858
    cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 euc_jis_2004
    euc_jisx0213 euc_jp euc_kr gb18030 gb2312 gbk hp-roman8 hz iso2022_jp iso2022_jp_1 iso2022_jp_2
    iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr iso8859-1 iso8859-10 iso8859-11 iso8859-13
    iso8859-14 iso8859-15 iso8859-16 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7
    iso8859-8 iso8859-9 johab koi8-r koi8-t koi8-u kz1048 mac-arabic mac-croatian mac-cyrillic
    mac-farsi mac-greek mac-iceland mac-latin2 mac-roman mac-romanian mac-turkish ptcp154 shift_jis
    shift_jis_2004 shift_jisx0213 tis-620 utf-16 utf-16-be utf-16-le utf-32 utf-32-be utf-32-le utf-7
    utf-8"""
_SAFE = frozenset(_SAFE_NAMES.split())

# Labels as found in mail, and the supersets that the WHATWG encoding standard reads in their place.
_BETTER = {
    "ascii": "",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
}
_ALIASES = {
    "": "",
    "8bit": "",
    "7bit": "",
    "ansi_x3.110-1983": "cp1252",
    "binary": "",
    "cp-850": "cp850",
    "default": "",
    "default_charset": "",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "ks_c_5601": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "macintosh": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "unknown": "",
    "unknown-8bit": "",
    "us-ascii": "",
    "utf8mb4": "utf-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "windows-949": "cp949",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "x-sjis": "cp932",
    "x-unknown": "",
    "x-user-defined": "",
    "x-windows-949": "cp949",
    "x-x-big5": "big5hkscs",
}
# The five bytes that windows-1252 leaves open stay C1 controls, as the WHATWG standard has it.
_WINDOWS_1252 = {
    byte: bytes([byte]).decode("cp1252")
    for byte in range(0x80, 0xA0)
    if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)


@lru_cache(maxsize=512)
def codec_for(label: str) -> str | None:
    """Python's name of a charset; "" when the label says no more than that it is text, None if unknown."""
    name = label[:60].strip(" \t\"'").lower()
    if name in _ALIASES:
        return _ALIASES[name]
    try:
        codec = codecs.lookup(name.removeprefix("charset=").removeprefix("x-")).name
    except (LookupError, ValueError):
        return None
    if codec not in _SAFE:
        return None
    return _BETTER.get(codec, codec)


def guess(data: bytes) -> str:
    """Text of bytes whose charset nobody tells: UTF-8 if it is that, windows-1252 otherwise."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1").translate(_WINDOWS_1252)


def decode_text(data: bytes, label: str, *, markup: bool = False) -> tuple[str, str]:
    """(text, defect code or ""): bytes read by their label, their byte order mark, or a guess.

    With `markup`, a label inside the first 1,024 bytes of HTML stands in for a missing one.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), ""
    codec = codec_for(label)
    if codec is None:
        return guess(data), "unknown_charset"
    if not codec and markup and (found := _META.search(data[:1024])):
        codec = _from_meta(found[1].decode("ascii"))
    return _by_codec(data, codec) if codec else (guess(data), "")


def _from_meta(label: str) -> str:
    codec = codec_for(label) or ""
    # Markup whose label could be read as ASCII is not in UTF-16, whatever it claims.
    return "utf-8" if codec.startswith(("utf-16", "utf-32")) else codec


def _by_codec(data: bytes, codec: str) -> tuple[str, str]:
    try:
        text, defect = data.decode(codec), ""
    except (UnicodeError, ValueError):
        text, defect = _damaged(data, codec), "bad_charset"
    if codec == "utf-7":
        # Python's decoder lets lone surrogates through, which no other text may hold.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text, defect


def _damaged(data: bytes, codec: str) -> str:
    if codec == "cp1252":
        return data.decode("latin-1").translate(_WINDOWS_1252)
    try:
        return data.decode(codec, "replace")
    except (UnicodeError, ValueError):
        return guess(data)
