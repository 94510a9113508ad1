"""Explicit download of a data set: mirrors in order, first bytes and size before the hash, atomic moves."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from filelock import FileLock

from isbench.datasets.files import CHUNK, note_of, sha256_of, sound
from isbench.datasets.published import MAGIC, PUBLISHED, Download
from isbench.errors import EnvironmentFault

TIMEOUT = 60  # seconds without a byte


def prepare(name: str, root: Path, say: Callable[[str], None]) -> None:
    """Brings the published files of a data set below the root; what is sound already is left alone.

    A bad file is renamed aside. Raises EnvironmentFault where no mirror has the bytes or the disk refuses.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{name}.lock"):
            for download in PUBLISHED[name]:
                bring(download, root, say)
    except OSError as error:
        raise EnvironmentFault(
            f"{name} cannot be written to {root}: {error}", "see to the disk, or use --data"
        ) from error


def bring(download: Download, root: Path, say: Callable[[str], None]) -> None:
    """Fetches and unpacks one download unless all of its files are sound."""
    bad = [file for file in download.files if not ((root / file.path).is_file() and sound(root, file))]
    if not bad:
        return
    for file in bad:
        set_aside(root / file.path, say)
    folder = (root / download.files[0].path).parent
    folder.mkdir(parents=True, exist_ok=True)
    with temporary(folder / f"{Path(download.urls[0]).name}.download") as packed:
        get(download, packed, say)
        unpack(download, packed, root)


def set_aside(path: Path, say: Callable[[str], None]) -> None:
    """Renames a bad file, so that nobody reads it and nothing is lost."""
    if not path.is_file():
        return
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(aside)
    say(f"{path} is not as published; renamed to {aside.name}")


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """A name beside `path` that no other process uses; whatever lies there at the end is removed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def get(download: Download, target: Path, say: Callable[[str], None]) -> None:
    """Downloads from the first mirror that has the right bytes; raises EnvironmentFault if none has."""
    refusals = []
    for url in download.urls:
        size = "" if download.size is None else f"{download.size / 1e6:.1f} MB, "
        say(f"{Path(url).name}, {size}from {url}")
        refusal = try_mirror(url, download, target)
        if not refusal:
            return
        refusals.append(f"{url}: {refusal}")
        say(refusals[-1])
    raise EnvironmentFault("no mirror has the published file: " + "; ".join(refusals), "try again later")


def try_mirror(url: str, download: Download, target: Path) -> str:
    """Why a mirror's answer is not the published file; empty: it is, and lies at the target."""
    try:
        with urlopen(Request(url, headers={"User-Agent": "isbench"}), timeout=TIMEOUT) as answer:
            head = answer.read(64)
            begins = f"begins with {head[:32]!r}"
            if not head.startswith(MAGIC[download.kind]):
                return f"not the published file, it {begins}"
            told = answer.headers.get("Content-Length")
            length = None if told is None else int(told)
            expected = length if download.size is None else download.size
            if length is not None and length != expected:
                return f"{length} bytes instead of {expected}, {begins}"
            with target.open("wb") as file:
                size = save(head, answer.read, file.write, expected)
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        return str(error)
    if expected is not None and size != expected:
        return f"{'more' if size > expected else size} bytes instead of {expected}, {begins}"
    return "" if download.sha256 in (None, sha256_of(target)) else f"wrong SHA-256, {begins}"


def save(head: bytes, read: Callable[[int], bytes], write: Callable[[bytes], int], limit: int | None) -> int:
    """Copies what is read, up to a little more than the limit; returns how much that was."""
    size, block = 0, head
    while block and (limit is None or size <= limit):
        write(block)
        size += len(block)
        block = read(CHUNK)
    return size


def unpack(download: Download, packed: Path, root: Path) -> None:
    """Puts the files of a download in their places, each at once and only if it is the published one."""
    if download.kind == "tar":
        with tarfile.open(packed, "r:gz") as archive:
            for file in download.files:
                member = archive.extractfile(file.path)
                if member is None:
                    raise EnvironmentFault(f"{file.path} is not in {download.urls[0]}", "please report this")
                with member:
                    put(member.read, root, file.path, file.sha256)
        return
    with gzip.open(packed) if download.kind == "gzip" else packed.open("rb") as content:
        put(content.read, root, download.files[0].path, download.files[0].sha256)


def put(read: Callable[[int], bytes], root: Path, path: str, expected: str | None) -> None:
    """Writes a file beside its place, checks and moves it; notes its SHA-256 if none is published."""
    target = root / path
    with temporary(target) as part:
        with part.open("wb") as file:
            while block := read(CHUNK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        digest = sha256_of(part)
        if expected is None:
            note_of(target).write_text(digest + "\n")
        elif digest != expected:
            raise EnvironmentFault(
                f"{path} was unpacked to something else than the published file", "report this"
            )
        os.replace(part, target)
