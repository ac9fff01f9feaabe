"""Hand-offs in a trace: what is said of the tool call that one is."""

from __future__ import annotations

from typing import Any

import orchestra.telemetry.names as names
from orchestra.core.events import CallStarted
from orchestra.telemetry.log import Log


def transfer_attributes(started: CallStarted | None, log: Log) -> dict[str, Any]:
    """Mode and target of a hand-off, nothing for another tool. The target is who took over last: one that failed may
    have been followed by another of its capability. Without one, nobody could take over.
    """
    if started is None or started.transfer is None:
        return {}
    found: dict[str, Any] = {names.TRANSFER_MODE: names.TRANSFER_MODES[started.transfer]}
    for call in log.started.values():
        if call.kind in ("agent", "workflow") and _asker(call.key, log) == started.key:
            found |= {names.TRANSFER_TARGET_NAME: call.name, names.TRANSFER_TARGET_TYPE: call.kind}
    return found


def _asker(key: str, log: Log) -> str:
    """The call that asked for this one: by its name, or for a capability, whose binding has no start of its own."""
    above = key.rpartition("/")[0]
    return above if above in log.started else above.rpartition("/")[0]
