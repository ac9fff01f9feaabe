"""The help desk's own table: what the router learns there, over three seeds."""

from __future__ import annotations

import asyncio
import inspect
from importlib import import_module
from typing import Any

SEEDS = (0, 1, 2)


def campaign() -> str:
    """The campaign's tables, or why there are none."""
    try:
        passes: Any = import_module("examples.helpdesk.passes")
        report: Any = import_module("examples.helpdesk.report")
    except ModuleNotFoundError as error:
        return f"Not measured: {error.name} is missing."
    if not hasattr(passes, "campaign"):
        return "Not measured: examples.helpdesk.passes has no campaign."
    rows = passes.campaign(SEEDS)
    if inspect.isawaitable(rows):
        rows = asyncio.run(_awaited(rows))
    return "\n\n".join((report.table(rows), report.agents_text(rows), report.verdict(rows)))


async def _awaited(rows: Any) -> Any:
    return await rows
