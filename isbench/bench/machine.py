"""What machine this is: an allowlist of facts, never the whole environment."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch

import isbench
from isbench.store.records import digest

VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUDA_VISIBLE_DEVICES",
    "KMP_AFFINITY",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
PACKAGES = ("torch", "torchvision", "numpy")


def describe(device: torch.device) -> dict[str, Any]:
    """The facts of this machine that can change a time or a number; they hold still between runs."""
    return {
        **hardware(device),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "isbench": isbench.__version__,
        "code": code(),
        **{name: metadata.version(name) for name in PACKAGES},
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda or "",
        "cudnn": str(torch.backends.cudnn.version() or ""),
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def code() -> str:
    """A digest of the package's sources: what is edited in place keeps its version."""
    folder = Path(isbench.__file__).parent
    sources = sorted(folder.rglob("*.py"))
    return digest({str(path.relative_to(folder)): path.read_text() for path in sources})


def hardware(device: torch.device) -> dict[str, Any]:
    """What the time of a run depends on before any software does."""
    return {
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cores": psutil.cpu_count(logical=False) or 0,
        "threads": psutil.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "device": str(device),
        "device_name": device_name(device),
    }


def fingerprint(device: torch.device) -> str:
    """The hardware's id: a frozen wall-clock budget holds on this hardware only."""
    return digest(hardware(device))


def device_name(device: torch.device) -> str:
    """The accelerator's own name, or the CPU's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"Apple GPU ({cpu_model()})" if device.type == "mps" else cpu_model()


def cpu_model() -> str:
    """The processor's name."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


class Load:
    """How busy the processors were since it was made, and how much of that was not this process."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.before = self._read()

    def _read(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user as well
        own = self.process.cpu_times()
        return sum(times) - guest, idle, own.user + own.system

    def shares(self) -> tuple[float | None, float | None]:
        """Load of all processors, and the part of it that others caused, from 0 to 1."""
        total, idle, own = (now - then for now, then in zip(self._read(), self.before, strict=True))
        if total < 0.5:  # the system counts in hundredths of a second
            return None, None
        busy = total - idle
        return min(1.0, busy / total), max(0.0, min(1.0, (busy - own) / total))
