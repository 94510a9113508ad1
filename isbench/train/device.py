"""The device: choice, named random streams, numbers read late, and what a worker can see of memory.

The only module that seeds the global generator.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

from isbench.errors import EnvironmentFault
from isbench.train.timing import Clock, CudaClock, HostClock, MpsClock

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
NUMBERS = {"cpu": 2**19}  # of inputs that go through a model at once: what the caches hold between layers
LARGE = 2**25  # elsewhere: what the memory holds
WIDEST = {"cpu": 2**23}  # numbers between two layers, of a model that says how many it has there
LARGEST = 2**29  # elsewhere
FEWEST, MOST, FULL = 16, 4096, 128  # samples; by the last one, batches run fastest
LAG = {"cpu": 0, "cuda": 8, "mps": 8}


def choose(wanted: str) -> torch.device:
    """The device of that name, or the best there is for `auto`; a device that is absent is exit 6."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in LAG:
        raise EnvironmentFault(f"there is no device '{wanted}'", "use auto, cpu, cuda, cuda:1 or mps")
    found = {"cpu": 1, "cuda": torch.cuda.device_count() if cuda else 0, "mps": int(mps)}[device.type]
    if (device.index or 0) >= found:
        raise EnvironmentFault(f"this machine has no device '{wanted}'", "use --device auto or cpu")
    return device


def clock(device: torch.device, lag: int) -> Clock:
    """The clock of a device."""
    if device.type == "cuda":
        return CudaClock(device, lag)
    return MpsClock() if device.type == "mps" else HostClock()


def at_once(device: torch.device, shape: tuple[int, ...], model: nn.Module) -> int:
    """How many samples go through a model at once where no gradient is wanted.

    A model whose layers make far more of a sample than it is says so by `widest`, the most numbers they hold.
    """
    samples = min(max(NUMBERS.get(device.type, LARGE) // math.prod(shape), FEWEST), MOST)
    if widest := getattr(model, "widest", 0):
        samples = min(samples, max(1, WIDEST.get(device.type, LARGEST) // widest))
    return samples // FULL * FULL or samples


def stream_seed(seed: int, name: str) -> int:
    """A 63-bit seed for the stream `name` of a run; streams of different names are independent."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little") >> 1


def repeated(seed: int, repeat: int) -> int:
    """The seed of what differs when a run is repeated with other draws; 0: of the run itself."""
    return stream_seed(seed, f"repeat {repeat}") if repeat else seed


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """The named stream of a run, on a device."""
    return torch.Generator(device).manual_seed(stream_seed(seed, name))


@contextmanager
def global_stream(seed: int, name: str) -> Iterator[None]:
    """Inside, torch's global generators are the named stream; afterwards they are as before."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(stream_seed(seed, name))
        yield


def seed_global(seed: int, name: str) -> None:
    """Make torch's global generators the named stream, for what has no generator argument (dropout)."""
    torch.manual_seed(stream_seed(seed, name))


def default_threads() -> int:
    """CPU threads of `threads: auto`: the physical cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed))


class Gauge:
    """A device scalar read on the host exactly `lag` pushes late: no stall, the same step on every run."""

    def __init__(self, device: torch.device, lag: int) -> None:
        self.cuda = device.type == "cuda"
        self.values: deque[tuple[Tensor, torch.cuda.Event | None]] = deque(maxlen=lag + 1)
        self.lag = lag

    def push(self, value: Tensor) -> None:
        """Remember a 0-d tensor."""
        if not self.cuda:
            self.values.append((value.detach().clone(), None))
            return
        copy = torch.empty((), dtype=value.dtype, pin_memory=True)
        copy.copy_(value.detach(), non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self.values.append((copy, event))

    def read(self) -> float | None:
        """The value pushed `lag` pushes before the last one; None until there is one."""
        if len(self.values) <= self.lag:
            return None
        value, event = self.values[0]
        if event is not None:
            event.synchronize()
        return float(value)


def device_memory(device: torch.device) -> int | None:
    """Peak bytes that torch took from the device since the last reset; None on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else None


def reset_peaks(device: torch.device) -> None:
    """Begin new peaks of the device's memory and, where the system can (Linux), of this process's."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")


def peak_memory() -> int:
    """Bytes that this process held at most since the last reset; without Linux, since it began."""
    if STATUS.is_file():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return psutil.Process().memory_info().rss
