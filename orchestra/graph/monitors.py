"""The monitors that come with the package. None is on unless it is given to ``Orchestra(monitors=[...])``.

The priorities are those of the Self-Healing Router's code where it has any: intent .90 and .30, risk .95, .85 and .20,
health .99 and .10, progress .50 and .10. Those of budget and memory, all limits but the 10,000, and every act are our
defaults.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestra.core.money import dollars, finite
from orchestra.core.signal import Act, Signal
from orchestra.ports.monitor import Monitor, Situation


def tool_health(*needs: str, act: Act = "avoid") -> Monitor:
    """.99 if the node, one of what it ``needs`` as well (nodes, models, providers like 'openai:'), or every model that
    it may use has an open breaker; else .10.
    """

    def health(now: Situation) -> Signal:
        down = [name for name in (now.proposed.name, *needs) if now.state(name) == "open"]
        models = now.proposed.models
        if models and all(now.state(name) == "open" for name in models):
            down += models
        return Signal("health", 0.99, act, f"{', '.join(down)} down") if down else Signal("health", 0.10)

    return health


def risk(*, argument: str = "amount", limit: float = 10_000, flag: str = "flagged", act: Act = "ask_person") -> Monitor:
    """.95 if the ``argument`` of the call is more than ``limit`` on either side of zero, or no number; .85 if the
    argument ``flag`` is true; else .20. Raises BadNumber for a limit that is negative, NaN or infinite.
    """
    most = Decimal(str(finite(limit, "limit")))

    def risk(now: Situation) -> Signal:
        value = now.proposed.arguments.get(argument)
        if value is not None and _beyond(value, most):
            return Signal("risk", 0.95, act, f"{argument} is {value}")
        if now.proposed.arguments.get(flag):
            return Signal("risk", 0.85, act, f"{flag} is set")
        return Signal("risk", 0.20)

    return risk


def intent(*phrases: str, act: Act = "ask_person") -> Monitor:
    """.90 if the task says one of the phrases, in whole words and whatever the case; else .30."""
    said = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, phrases)) + r")(?!\w)", re.IGNORECASE)

    def intent(now: Situation) -> Signal:
        found = said.search(now.task) if phrases else None
        return Signal("intent", 0.30) if found is None else Signal("intent", 0.90, act, f"it says {found.group()!r}")

    return intent


def progress(*, failures: int = 3, act: Act = "ask_model") -> Monitor:
    """.50 if so many nodes have failed in this call since one of them finished anything; else .10."""

    def progress(now: Situation) -> Signal:
        if len(now.failed) < failures:
            return Signal("progress", 0.10)
        return Signal("progress", 0.50, act, f"nothing got done by {', '.join(now.failed)}")

    return progress


def budget(*, share: float = 1.0, act: Act = "avoid") -> Monitor:
    """.90 if the call is expected to cost more than that share of what is left of the budget; else .10. Raises
    BadNumber for a share that is negative, NaN or infinite.
    """
    finite(share, "share")

    def budget(now: Situation) -> Signal:
        left = now.left_nano
        if left is None or now.proposed.cost_nano <= share * max(0, left):
            return Signal("budget", 0.10)
        costs = f"${dollars(now.proposed.cost_nano).normalize():f}"
        return Signal("budget", 0.90, act, f"it costs {costs}, ${dollars(max(0, left)).normalize():f} is left")

    return budget


def memory(*, below: float = 0.2, rewards: int = 5, act: Act = "avoid") -> Monitor:
    """.70 if the node has had that many rewards in this process, and their mean is ``below`` that; else .10."""

    def memory(now: Situation) -> Signal:
        seen, mean = now.rewards(now.proposed.name)
        if seen < rewards or mean >= below:
            return Signal("memory", 0.10)
        return Signal("memory", 0.70, act, f"its {seen} rewards have the mean {mean:.2f}")

    return memory


def _beyond(value: Any, most: Decimal) -> bool:
    """What is no number is not known to be small."""
    try:
        return not abs(Decimal(str(value))) <= most
    except (InvalidOperation, ValueError):
        return True
