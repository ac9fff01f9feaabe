"""Every router by name, under all that it declares."""

from __future__ import annotations

import inspect
import re
import sys
from importlib.metadata import entry_points
from typing import Any

from orchestra.ports.router import Router
from orchestra.routing.registry import GROUP, NAME_TO_PLACE, router
from orchestra.routing.terms import facts_of

A_CHAIN = "linucb>cheapest"


def router_rows() -> list[dict[str, Any]]:
    """Name, when, uses, how, feedback, training, learns and source of each, by name; a chain stands for all chains.

    Raises: what making one of them raises.
    """
    names = sorted({*NAME_TO_PLACE, *(point.name for point in entry_points(group=GROUP))})
    made = [(name, router(name)) for name in (*names, A_CHAIN)]
    return [{**facts_of(one), "name": name, "source": source_of(one)} for name, one in made]


def source_of(made: Router) -> str:
    """What follows "Source:" in the docstring of the router's module, or of its class."""
    kind = type(made)
    for text in (inspect.getdoc(sys.modules[kind.__module__]) or "", inspect.getdoc(kind) or ""):
        found = re.search(r"Source:\s*(.+?)(?:\n\s*\n|$(?!.))", text, re.DOTALL)
        if found is not None:
            return " ".join(found[1].split())
    return ""
