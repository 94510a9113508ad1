"""The files of ModelNet40: fetched or taken as they lie there, meshes made into clouds, digests noted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

import numpy as np
from filelock import FileLock

from isbench.datasets import modelnet
from isbench.datasets.fetch import get, put, temporary
from isbench.datasets.files import corrupt, note_of, sha256_of, sound
from isbench.datasets.meshes import cloud, parse_off
from isbench.datasets.modelnet import CLOUDS, HDF5, KINDS, LISTS, NAME, OFF, PARTS, STORED
from isbench.datasets.published import Download, File
from isbench.errors import EnvironmentFault

POINTS_AT = "https://shapenet.cs.stanford.edu/media/modelnet40_ply_hdf5_2048.zip"
MESHES_AT = "http://modelnet.cs.princeton.edu/ModelNet40.zip"
SAY_EVERY = 500  # meshes


def prepare(root: Path, say: Callable[[str], None]) -> None:
    """Makes clouds of meshes that lie in the root, else fetches clouds; what is sound is left alone."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{NAME}.lock"):
            meshes_here = (root / OFF).is_dir() or archive(root).is_file()
            if meshes_here and not all_sound(root, CLOUDS.values()):
                draw_all(root, say)
            if modelnet.has_points(root):
                note(root)
            if not (all_sound(root, point_files(root)) or meshes_here):
                bring(root, say)
    except OSError as error:
        raise EnvironmentFault(
            f"{NAME} cannot be written to {root}: {error}", "see to the disk, or use --data"
        ) from error


def archive(root: Path) -> Path:
    """Where the meshes' archive lies, if somebody has fetched it."""
    return root / f"{OFF}.zip"


def point_files(root: Path) -> list[str]:
    """All files of the HDF5 form; none where some are missing."""
    if not modelnet.has_points(root):
        return []
    return [KINDS, *LISTS.values(), *(path for part in PARTS for path in modelnet.listed(root, part))]


def all_sound(root: Path, paths: Iterable[str]) -> bool:
    """Whether there are files and each is as it was noted."""
    files = [File(path, None) for path in paths]
    return bool(files) and all((root / file.path).is_file() and sound(root, file) for file in files)


def note(root: Path) -> None:
    """Notes the digests of clouds that somebody has unpacked; raises EnvironmentFault at unreadable ones."""
    new = [path for path in point_files(root) if not note_of(root / path).is_file()]
    if new:
        modelnet.from_hdf5(root)
    for path in new:
        note_of(root / path).write_text(sha256_of(root / path) + "\n")


def bring(root: Path, say: Callable[[str], None]) -> None:
    """Fetches the HDF5 form and unpacks it."""
    (root / HDF5).mkdir(exist_ok=True)
    say("about 415 MB")
    with temporary(root / f"{HDF5}.zip") as packed:
        try:
            get(Download((POINTS_AT,), None, None, "zip", ()), packed, say)
        except EnvironmentFault as error:
            raise EnvironmentFault(
                str(error), f"or fetch the meshes, {MESHES_AT}, put them into {root}, and prepare again"
            ) from error
        with opened(packed) as found:
            for name in found.namelist():
                path = PurePosixPath(name)
                if path.parent.name == HDF5 and path.suffix in (".h5", ".txt"):
                    with found.open(name) as member:
                        put(member.read, root, f"{HDF5}/{path.name}", None)
    if not modelnet.has_points(root):
        raise EnvironmentFault(f"{POINTS_AT} lacks files that it lists", "please report this")
    modelnet.from_hdf5(root)


@contextmanager
def opened(path: Path) -> Iterator[ZipFile]:
    """An archive; raises EnvironmentFault where it is none."""
    try:
        with ZipFile(path) as found:
            yield found
    except BadZipFile as error:
        raise EnvironmentFault(f"{path} is no archive that can be read: {error}", "fetch it again") from error


def draw_all(root: Path, say: Callable[[str], None]) -> None:
    """Draws the clouds of all meshes, and notes the digests of their files; all of them or none."""
    with ExitStack() as stack:
        names, read = stack.enter_context(meshes(root))
        kinds = sorted({name.split("/")[0] for name in names})
        rows = {part: [name for name in names if name.split("/")[1] == part] for part in PARTS}
        if len(kinds) < 2 or not all(rows.values()):
            counts = ", ".join(f"{len(each)} meshes to {part}" for part, each in rows.items())
            raise EnvironmentFault(
                f"{root / OFF} has {len(kinds)} classes, {counts}, as CLASS/{{train,test}}/*.off",
                f"unpack {MESHES_AT} there",
            )
        (root / OFF).mkdir(exist_ok=True)
        drafts = {part: stack.enter_context(temporary(root / path)) for part, path in CLOUDS.items()}
        drawn = 0
        for part, each in rows.items():
            clouds = np.empty((len(each), STORED, 3), np.float32)
            for row, name in enumerate(each):
                clouds[row] = cloud(*parse_off(read(name), name), STORED, name)
                drawn += 1
                if drawn % SAY_EVERY == 0:
                    say(f"{drawn} of {len(names)} meshes are clouds")
            labels = np.array([kinds.index(name.split("/")[0]) for name in each], np.uint8)
            with drafts[part].open("wb") as file:
                np.savez(file, clouds=clouds, labels=labels)
        for part, path in CLOUDS.items():
            note_of(root / path).write_text(sha256_of(drafts[part]) + "\n")
            os.replace(drafts[part], root / path)


@contextmanager
def meshes(root: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """The names of all meshes, `CLASS/PART/FILE.off`, ascending, and what reads one."""
    folder = root / OFF
    there = [path.relative_to(folder).as_posix() for path in folder.glob("*/*/*.off")]
    if there or not archive(root).is_file():
        yield plain(there), lambda name: (folder / name).read_bytes()
        return
    with opened(archive(root)) as packed:
        places = {"/".join(PurePosixPath(each).parts[-3:]): each for each in packed.namelist()}
        yield plain(places), lambda name: packed.read(places[name])


def plain(names: Iterable[str]) -> list[str]:
    """The meshes among files of three parts, without what some system hides beside them."""
    return sorted(
        name
        for name in names
        if name.endswith(".off") and name.count("/") == 2 and not name.split("/")[2].startswith(".")
    )


def verify(root: Path) -> list[str]:
    """Reads the files of each form that is there; what was checked, or EnvironmentFault at a bad one."""
    modelnet.form_of(root, "auto")
    paths = [*point_files(root), *(path for path in CLOUDS.values() if (root / path).is_file())]
    for path in paths:
        if not sound(root, File(path, None)):
            raise corrupt(NAME, root, path, "it is not the file that was noted")
    return [f"{path}: SHA-256 as noted when it was prepared" for path in paths]
