"""The first answer wins."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra.aggregation.survivors import none_done, survivors
from orchestra.core.call import Batch, Call, Plan


def first(calls: Sequence[Call]) -> Plan:
    """Runs the calls together and returns the first Done; the others are cancelled.

    Of several Done the lowest index wins. With none Done it returns a Paused, a Failed or a Cancelled.

    Raises: BadInput for no calls; the runtime raises UnsafeBatch for effects that are not idempotent.
    """
    if not calls:
        return none_done(())
    outcomes = yield Batch.first(*calls)
    done = survivors(outcomes)
    return done[0][1] if done else none_done(outcomes)
