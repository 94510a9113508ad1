"""A results folder: JSON records, numeric exhibits; every file is replaced whole or appended line by line."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError
from pydantic_core import from_json

from isbench.errors import EnvironmentFault
from isbench.store.atomic import atomic_write, not_written
from isbench.store.plans import Plan
from isbench.store.records import Cell, Outcome, Point, Record, RunRecord

JSON_LIMIT = 256 * 2**20  # bytes; results may come from strangers
EXHIBIT_LIMIT = 512 * 2**20  # bytes, packed and unpacked
IDENTITY = re.compile(r"[0-9a-f]{12}")
SLUG = re.compile(r"[a-z][a-z0-9_]{0,63}")

UNREADABLE = (ValueError, OSError, EOFError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error)

AnyRecord = TypeVar("AnyRecord", bound=Record)


class Store:
    """One results folder; nothing is created before the first write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plan(self) -> Plan | None:
        """The plan of the folder, None where there is none; EnvironmentFault if it cannot be understood."""
        path = self.folder / "plan.json"
        plan = _read(path, Plan)
        if plan is not None:
            unknown = (plan.raced | plan.probed | plan.tuned) - plan.cells.keys()
            bad = [cell for cell in plan.cells if not IDENTITY.fullmatch(cell)]
            if unknown or bad:
                raise _damaged(path, f"no such cell: {(sorted(unknown) + bad)[0]!r}")
        return plan

    def save_plan(self, plan: Plan) -> None:
        """Write `plan.json`."""
        atomic_write(self.folder / "plan.json", plan.model_dump_json(indent=1) + "\n")

    def begin(self, cell: Cell, outcome: Outcome) -> None:
        """Start a cell afresh; what an earlier attempt left is not valid from the first write on."""
        folder = self.cell_folder(cell.id)
        atomic_write(folder / "status.json", outcome.model_dump_json() + "\n")
        atomic_write(folder / "points.jsonl", "")
        for exhibit in (folder / "exhibits").glob("*.npz"):
            exhibit.unlink(missing_ok=True)
        atomic_write(folder / "cell.json", cell.model_dump_json(indent=1) + "\n")

    def add_point(self, cell_id: str, point: Point) -> None:
        """Append one line; a crash can tear the last one, which readers ignore."""
        path = self.cell_folder(cell_id) / "points.jsonl"
        line = point.model_dump_json().encode() + b"\n"
        try:
            with open(path, "ab") as file:
                file.write(line)
        except OSError as error:
            raise not_written(path, len(line), error) from error

    def finish(self, cell_id: str, outcome: Outcome) -> None:
        """Write how a cell ended, after its points are safe on disk."""
        folder = self.cell_folder(cell_id)
        path = folder / "points.jsonl"
        try:
            with open(path, "ab") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise not_written(path, 0, error) from error
        atomic_write(folder / "status.json", outcome.model_dump_json() + "\n")

    def forget(self, cells: Iterable[str]) -> None:
        """Make cells such that never began."""
        for cell_id in cells:
            (self.cell_folder(cell_id) / "status.json").unlink(missing_ok=True)

    def outcome(self, cell_id: str) -> Outcome | None:
        """How a cell ended, None where it never began."""
        return _read(self.cell_folder(cell_id) / "status.json", Outcome)

    def record(self, cell_id: str) -> RunRecord | None:
        """A cell with its outcome and its whole points, None where it never began."""
        folder = self.cell_folder(cell_id)
        cell, outcome = _read(folder / "cell.json", Cell), self.outcome(cell_id)
        if cell is None or outcome is None:
            return None
        return RunRecord(cell=cell, outcome=outcome, points=_read_points(folder / "points.jsonl"))

    def cell_folder(self, cell_id: str) -> Path:
        """Where a cell is kept; EnvironmentFault unless the id is 12 hex digits."""
        return self.folder / "cells" / _checked(cell_id, self.folder)

    def log(self, cell_id: str) -> Path:
        """Where the worker of a cell may write what it has to say."""
        return self.cell_folder(cell_id) / "log.txt"

    def write_exhibit(self, cell_id: str, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Write numeric arrays that figures need; ValueError for anything that is not numbers."""
        path = self._exhibit(cell_id, name)
        values = {key: np.asarray(array) for key, array in arrays.items()}
        odd = [key for key, array in values.items() if array.dtype.kind not in "biuf"]
        if odd:
            raise ValueError(f"exhibit {name}: {odd[0]} is not numeric")
        packed = io.BytesIO()
        np.savez_compressed(packed, allow_pickle=False, **values)
        atomic_write(path, packed.getvalue())

    def exhibit(self, cell_id: str, name: str) -> dict[str, np.ndarray] | None:
        """The arrays of an exhibit, None if not recorded; EnvironmentFault if damaged or too large."""
        path = self._exhibit(cell_id, name)
        if not path.is_file():
            return None
        try:
            with zipfile.ZipFile(path) as packed:
                if sum(part.file_size for part in packed.infolist()) > EXHIBIT_LIMIT:
                    raise _damaged(path, "larger than an exhibit can be")
            with np.load(path, allow_pickle=False) as arrays:
                return {key: _numeric(arrays[key], path) for key in arrays.files}
        except UNREADABLE as error:
            raise _damaged(path, str(error)) from error

    def save_machine(self, machine_id: str, facts: dict[str, Any]) -> None:
        """Write what is known of a machine, once for each machine."""
        path = self.folder / "machines" / f"{_checked(machine_id, self.folder)}.json"
        atomic_write(path, json.dumps(facts, indent=1, sort_keys=True, allow_nan=False) + "\n")

    def machines(self) -> dict[str, dict[str, Any]]:
        """What is known of every machine that contributed, by its id."""
        found: dict[str, dict[str, Any]] = {}
        for path in sorted((self.folder / "machines").glob("*.json")):
            try:
                facts = from_json(_content(path) or b"", allow_inf_nan=False)
            except ValueError as error:
                raise _damaged(path, str(error)) from error
            if not isinstance(facts, dict):
                raise _damaged(path, "not an object")
            found[_checked(path.stem, path)] = facts
        return found

    def other_cells(self, plan: Plan) -> int:
        """How many cells lie in the folder that the plan does not speak of."""
        found = (self.folder / "cells").glob("*")
        return sum(path.is_dir() and path.name not in plan.cells for path in found)

    def _exhibit(self, cell_id: str, name: str) -> Path:
        if not SLUG.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an exhibit")
        return self.cell_folder(cell_id) / "exhibits" / f"{name}.npz"


def _read(path: Path, kind: type[AnyRecord]) -> AnyRecord | None:
    content = _content(path)
    if content is None:
        return None
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise _damaged(path, _first(error)) from error


def _read_points(path: Path) -> tuple[Point, ...]:
    """All whole lines: the last one may be torn by a crash, any other must be valid."""
    lines = (_content(path) or b"").split(b"\n")
    points: list[Point] = []
    for number, line in enumerate(lines, start=1):
        try:
            if line:
                points.append(Point.model_validate_json(line))
        except ValidationError as error:
            if number < len(lines):
                raise _damaged(path, f"line {number}: {_first(error)}") from error
    return tuple(points)


def _content(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise _damaged(path, "larger than a record can be")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvironmentFault(f"cannot read {path}: {error.strerror}", "check its permissions") from error


def _numeric(array: np.ndarray, path: Path) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        raise _damaged(path, "holds something else than numbers")
    return array


def _checked(identity: str, where: Path) -> str:
    if not IDENTITY.fullmatch(identity):
        raise _damaged(where, f"{identity[:40]!r} is no id of 12 hex digits")
    return identity


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _damaged(path: Path, why: str) -> EnvironmentFault:
    return EnvironmentFault(f"{path} cannot be used: {why}", "move it away and run again")
