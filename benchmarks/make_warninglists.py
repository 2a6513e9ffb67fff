"""Makes the warning lists that are shipped in the package, from lists of others that may be passed on.

    python benchmarks/make_warninglists.py ../shared/data/intel

Taken from MISP's warninglists (CC0-1.0; they hold the top lists of Tranco, Cisco Umbrella and Moz too) and
from Sublime Security's static files (MIT). Written to src/clawback/intel/data/warninglists.json.zst; the
sources, versions and counts are printed, and stand in docs/how-to/brake.md.
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
import sys
from pathlib import Path

import zstandard

OUT = Path(__file__).resolve().parent.parent / "src/clawback/intel/data/warninglists.json.zst"
HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
MISP = (
    ("moz-top500", "site.top"),
    ("cisco_top1000", "site.top"),
    ("tranco10k", "site.popular"),
    ("alexa", "site.popular"),
    ("microsoft-office365", "site.popular"),
    ("microsoft", "site.popular"),
    ("google", "site.popular"),
    ("bank-website", "site.popular"),
    ("lots-project", "site.hosting"),
    ("url-shortener", "site.hosting"),
    ("link-in-bio", "site.hosting"),
    ("public-ipfs-gateways", "site.hosting"),
    ("common-ioc-false-positive", "file.harmless"),
    ("empty-hashes", "file.harmless"),
)
SUBLIME = (
    ("free_file_hosts", "site.hosting"),
    ("free_subdomain_hosts", "site.hosting"),
    ("self_service_creation_platform_domains", "site.hosting"),
    ("url_shorteners", "site.hosting"),
)
# Redirectors and pages of anybody stand below these names, whatever else does.
REDIRECTING = ("google.com", "bing.com", "youtube.com", "linkedin.com", "facebook.com", "sharepoint.com",
               "storage.googleapis.com", "windows.net", "github.com", "adobe.com", "dropbox.com")  # fmt: skip


def entries(raw: list[str], fact: str) -> list[str]:
    """The entries that are hosts, or hashes, in the form in which they are looked up."""
    form = SHA256 if fact == "file.harmless" else HOST
    found = (one.strip().lower().lstrip(".").rstrip(".") for one in raw)
    return sorted({one for one in found if form.fullmatch(one)})


def misp(folder: Path, name: str, fact: str) -> dict[str, object]:
    """One of MISP's lists."""
    path = folder / "misp-warninglists" / f"{name}.json"
    packed = path.with_suffix(".json.gz")
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    plain = json.loads(text)
    return {
        "title": f"MISP {name}",
        "version": str(plain["version"]),
        "licence": "CC0-1.0",
        "fact": fact,
        "entries": entries(plain["list"], fact),
    }


def main() -> None:
    """Make the file."""
    folder = Path(sys.argv[1])
    lists = [misp(folder, name, fact) for name, fact in MISP]
    for name, fact in SUBLIME:
        path = folder / "sublime-static-files" / f"{name}.txt"
        lists.append(
            {
                "title": f"Sublime {name}",
                "version": "eb76f52",
                "licence": "MIT",
                "fact": fact,
                "entries": entries(path.read_text().splitlines(), fact),
            }
        )
    lists.append(
        {"title": "redirecting sites", "version": "1", "licence": "Apache-2.0", "fact": "site.hosting",
         "entries": sorted(REDIRECTING)}
    )  # fmt: skip
    made = {"made": datetime.datetime.now(datetime.UTC).date().isoformat(), "lists": lists}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(zstandard.ZstdCompressor(level=19).compress(json.dumps(made).encode()))
    for one in lists:
        print(f"{one['title']:50} {one['version']:10} {one['licence']:10} {len(one['entries']):7,}")  # type: ignore[arg-type]
    print(f"{OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
