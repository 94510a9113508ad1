"""The files of a data set on this machine: where they lie, and whether they are what was published."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from isbench.datasets.published import PUBLISHED, File
from isbench.errors import EnvironmentFault

CHUNK = 1 << 20


def cache_folder() -> Path:
    """Where isbench keeps what can be made again."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "isbench"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "isbench"
    return Path.home() / ".cache" / "isbench"


@contextmanager
def being_made(path: Path, do: str = "see to the disk, or set XDG_CACHE_HOME") -> Iterator[None]:
    """One maker at a time of what is kept at a path; EnvironmentFault where nothing can be kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError as error:
        raise EnvironmentFault(f"cannot write to {path.parent}: {error.strerror}", do) from error
    try:
        yield
    finally:
        lock.release()


def default_root() -> Path:
    """The folder of data sets: ISBENCH_DATA, else `data` in isbench's cache."""
    if chosen := os.environ.get("ISBENCH_DATA"):
        return Path(chosen).expanduser()
    return cache_folder() / "data"


def files_of(name: str) -> tuple[File, ...]:
    """Every file of a published data set."""
    return tuple(file for download in PUBLISHED[name] for file in download.files)


def require(name: str, root: Path) -> None:
    """Raises EnvironmentFault with the command that helps where a file of the data set is missing."""
    if not all((root / file.path).is_file() for file in files_of(name)):
        raise EnvironmentFault(f"{name} is not in {root}", f"isbench data prepare {name} --data {root}")


def contents(name: str, root: Path, path: str) -> bytes:
    """A file's bytes, which are the published ones; raises EnvironmentFault where they are not."""
    data = (root / path).read_bytes()
    expected = next(file.sha256 for file in files_of(name) if file.path == path)
    if hashlib.sha256(data).hexdigest() != expected:
        raise corrupt(name, root, path)
    return data


def corrupt(name: str, root: Path, path: str, why: str = "it is not the published file") -> EnvironmentFault:
    """The fault of a bad file, with the command that fetches it again."""
    return EnvironmentFault(
        f"{root / path} is corrupt: {why}", f"fetch it again: isbench data prepare {name} --data {root}"
    )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def note_of(path: Path) -> Path:
    """Where `prepare` notes the SHA-256 of a file of which none is published."""
    return path.with_name(path.name + ".sha256")


def sound(root: Path, file: File) -> bool:
    """Whether a file has the published SHA-256, or the one that `prepare` noted."""
    path = root / file.path
    expected = file.sha256
    if expected is None:
        note = note_of(path)
        expected = note.read_text().strip() if note.is_file() else None
    return expected is not None and sha256_of(path) == expected


def verify(name: str, root: Path) -> list[str]:
    """Reads every file of a data set; returns what was checked, raises EnvironmentFault at a bad one."""
    require(name, root)
    lines = []
    for file in files_of(name):
        if not sound(root, file):
            raise corrupt(name, root, file.path)
        known = "published" if file.sha256 else "noted when it was fetched"
        lines.append(f"{file.path}: SHA-256 as {known}")
    return lines
