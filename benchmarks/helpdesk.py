"""The help desk's own table: what the router learns there, over three seeds."""

from __future__ import annotations

SEEDS = (1, 2, 3)


def campaign() -> str:
    """The campaign's tables. Raises LocalModelMissing."""
    from examples.helpdesk import passes, report

    rows = passes.campaign(SEEDS)
    return "\n\n".join((report.table(rows), report.agents_text(rows), report.verdict(rows)))
