"""Files that are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from isbench.errors import EnvironmentFault


def atomic_write(path: Path, content: bytes | str) -> None:
    """Replace a file whole: readers see the old content or the new; EnvironmentFault if it fails."""
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(draft, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise not_written(path, len(data), error) from error


def not_written(path: Path, size: int, error: OSError) -> EnvironmentFault:
    """What to raise where a disk is full or closed."""
    return EnvironmentFault(
        f"cannot write {size} bytes to {path}: {error.strerror}", "free the disk or choose another --out"
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; a file system that cannot do it is no reason to stop."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
