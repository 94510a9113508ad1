"""Commands that look after this machine: its data sets, and how far its times can be trusted."""

from __future__ import annotations

from typing import Annotated

import typer

from isbench import console, watches
from isbench.cli.options import RESULTS, Data, Device, Json, Out


def prepare(name: Annotated[str, typer.Argument(help="A data set.")], data: Data = None) -> None:
    """Download and check a data set; nothing else uses the network.

    Example: isbench data prepare mnist
    """
    from isbench.datasets.catalogue import prepare_named
    from isbench.datasets.files import default_root

    prepare_named(name, data or default_root(), watches.watch(False).say)


def verify(name: Annotated[str, typer.Argument(help="A data set.")], data: Data = None) -> None:
    """Check the files of a data set against their published sums.

    Example: isbench data verify mnist
    """
    from isbench.datasets.catalogue import verify_named
    from isbench.datasets.files import default_root

    for line in verify_named(name, data or default_root()):
        console.say(line)


def doctor(device: Device = "auto", out: Out = RESULTS, data: Data = None, json: Json = False) -> None:
    """Say whether this machine's times can be trusted.

    Example: isbench doctor
    """
    from isbench.bench.doctor import examine

    console.show_findings(examine(device, data, out), json)
