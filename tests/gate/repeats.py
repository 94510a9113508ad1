"""The recipe of the gate again and again, each time in a new process, against its committed baseline."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from isbench.bench.run import run
from isbench.bench.site import Opened, Request, open_site
from isbench.gate import asked, check
from isbench.recipe import open_recipe
from tests.bench_tools import Silent

BASELINE = Path(__file__).parents[2] / "results" / "baselines" / "ci.json"


def repeats(times: int) -> Iterator[tuple[int, float, str]]:
    """The exit code, the seconds and the verdict of each time."""
    wanted = asked(str(BASELINE), "exact", None, "", True)
    for _ in range(times):
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            site = open_site(Opened(*open_recipe("ci")), Request(out=Path(folder), device="cpu"))
            run(site, Silent())
            found = check(site.store.folder, wanted)
            told = "; ".join([found.verdict, *found.notes])
            yield found.code, time.perf_counter() - begun, told
