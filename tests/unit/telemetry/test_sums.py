"""Tokens on spans and in metrics against the settlements, for whatever is run, resumed or breaks off."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.core.budget import Budget
from orchestra.core.events import Charged, Event
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.prices import Price
from orchestra.telemetry import instruments, names
from orchestra.telemetry.measure import measurements
from orchestra.telemetry.spans import SpanRecord, spans
from orchestra.telemetry.tree import Branch, tree
from tests.support.runtime import Rig, go
from tests.support.trees import MEMBERS, Obedient, Tree, planned, trees

INPUT, OUTPUT = names.USAGE_INPUT_TOKENS, names.USAGE_OUTPUT_TOKENS
law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def charged(events: Sequence[Event]) -> Usage:
    return sum((event.usage for event in events if isinstance(event, Charged)), ZERO)


def below(branch: Branch) -> list[SpanRecord]:
    return [branch.span, *(span for child in branch.children for span in below(child))]


def check(events: Sequence[Event]) -> None:
    total = charged(events)
    found = [span for root in tree(events, "r1") for span in below(root)]
    assert len(found) == len(spans("r1", events)), "every span hangs in a tree"
    chats = [span for span in found if span.attributes.get(names.OPERATION) == "chat"]
    assert sum(span.attributes[INPUT] for span in chats) == total.input_tokens
    assert sum(span.attributes[OUTPUT] for span in chats) == total.output_tokens
    assert all(not name.startswith("gen_ai.usage.") for s in found if s not in chats for name in s.attributes)
    roots = [span for span in found if span.parent_id is None]
    assert sum(span.attributes[names.TOTAL_INPUT_TOKENS] for span in roots) == total.input_tokens
    assert len({span.span_id for span in found}) == len(found)


def check_metrics(events: Sequence[Event]) -> None:
    total = charged(events)
    published, newer = measurements(events), measurements(events, latest=True)
    assert sum(m.value for m in published if m.instrument is instruments.TOKEN_USAGE) == total.tokens
    assert sum(m.value for m in newer if m.instrument is instruments.INPUT_TOKENS) == total.input_tokens
    assert sum(m.value for m in newer if m.instrument is instruments.OUTPUT_TOKENS) == total.output_tokens


@law
@given(trees, st.none() | st.integers(0, 60), st.integers(0, 100))
def test_the_sum_over_chat_spans_is_what_was_settled(tree: Tree, tokens: int | None, cut: int) -> None:
    """Of the run, of the run resumed without a limit, and of one whose process died anywhere and that was resumed."""
    price = Price(input_nano=Decimal(1), output_nano=Decimal(1))
    team = Rig(MEMBERS, models={"test:obedient": Obedient()}, price=price, native=True)
    go("asyncio", team.run, planned(tree), tree, Budget(tokens=tokens))
    first = list(team.last.events)
    check(first)
    check_metrics(first)
    go("asyncio", team.resume, planned(tree), tree)
    check([*first, *team.last.events])
    check_metrics([*first, *team.last.events])
    died = first[: max(1, cut * len(first) // 100)]
    check(died)
    go("asyncio", team.run, planned(tree), tree, Budget(), died, "resume")
    check([*died, *team.last.events])
