"""Whether this machine's numbers can be trusted: each finding with what to do about it."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psutil
import torch

from isbench.bench.machine import cpu_model, device_name
from isbench.datasets.files import cache_folder, default_root
from isbench.train import device as devices
from isbench.train.flops import count
from isbench.train.timing import PhaseTimer

LAPS = 2000
FREE_GIB = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    well: bool = True
    advice: str = ""


def examine(wanted: str, data: Path | None, out: Path) -> list[dict[str, Any]]:
    """Look at everything; takes about two seconds."""
    device, root = devices.choose(wanted), data or default_root()
    findings = [
        Finding("device", f"{device} ({device_name(device)})"),
        Finding("torch", f"{torch.__version__}, CUDA {torch.version.cuda or 'none'}"),
        torchvision(),
        threads(),
        busy(),
        fallback(),
        lap_cost(device),
        synchronisation(device),
        flop_counter(),
        place("results", out),
        place("cache", cache_folder()),
        Finding("data", f"{root} ({'there' if root.is_dir() else 'nothing prepared yet'})"),
    ]
    return [asdict(finding) for finding in findings]


def torchvision() -> Finding:
    """Whether the data sets and transforms of torchvision can be used."""
    from isbench.models.torchvision_import import torchvision as load

    try:
        return Finding("torchvision", str(load().__version__))
    except (ImportError, RuntimeError) as error:
        return Finding("torchvision", str(error), False, "install the torchvision that belongs to this torch")


def threads() -> Finding:
    """How many threads `threads: auto` means here."""
    return Finding(
        "threads",
        f"auto is {devices.default_threads()} of {psutil.cpu_count()} on {cpu_model()}",
        True,
        "small models are often quicker with `threads: 1`",
    )


def busy() -> Finding:
    """Whether others use the processors now."""
    load = psutil.cpu_percent(interval=0.5)
    return Finding("load", f"{load:.0f} %", load < 30, "close what else is running, or times will scatter")


def fallback() -> Finding:
    """Whether MPS operations may silently run on the CPU."""
    on = os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK", "0") not in ("", "0")
    return Finding("MPS fallback", "on" if on else "off", not on, "unset PYTORCH_ENABLE_MPS_FALLBACK")


def lap_cost(device: torch.device) -> Finding:
    """What marking a phase costs on the host; about ten laps are made a step."""
    timer = PhaseTimer(devices.clock(device, devices.LAG[device.type]))
    began = perf_counter()
    for _ in range(LAPS):
        timer.lap("forward")
    cost = (perf_counter() - began) / LAPS
    return Finding(
        "cost of a lap", f"{cost * 1e6:.2f} us", cost < 1e-5, "phase times below 100 us are rough here"
    )


def synchronisation(device: torch.device) -> Finding:
    """Whether waiting for the device really waits: twice the work must take longer."""
    if device.type == "cpu":
        return Finding("waiting for the device", "the CPU needs none")
    clock = devices.clock(device, devices.LAG[device.type])
    matrix = torch.randn(2048, 2048, device=device)

    def seconds(times: int) -> float:
        clock.settle()
        began = perf_counter()
        for _ in range(times):
            torch.mm(matrix, matrix)
        clock.settle()
        return perf_counter() - began

    seconds(4)
    ratio = median(seconds(40) for _ in range(3)) / max(median(seconds(4) for _ in range(3)), 1e-9)
    return Finding(
        "waiting for the device",
        f"ten times the work takes {ratio:.1f} times as long",
        ratio > 3,
        "the clock does not wait for this device: do not trust its times",
    )


def flop_counter() -> Finding:
    """Whether FLOPs are counted right: a product of 8x16 and 16x4 matrices has 1,024."""
    found = count(lambda: torch.ones(8, 16) @ torch.ones(16, 4))
    return Finding("FLOP counter", f"{found} of 1024", found == 1024, "passes are wrong with this torch")


def place(what: str, folder: Path) -> Finding:
    """Whether a folder can be written and has room."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free / 2**30
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding(what, f"{folder}: {error.strerror}", False, "make it writable or choose another")
    return Finding(what, f"{folder}, {free:.0f} GiB free", free >= FREE_GIB, "free some space")
