"""What the spans of a run add up to is what the providers reported, whatever the agents, tools and failures."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from unittest.mock import patch

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra import Agent, Orchestra, gather, outcome, step, tool
from orchestra.core.errors import BadRequest, ModelTimeout, Overloaded
from orchestra.core.events import CallStarted
from orchestra.core.message import ToolCall
from orchestra.core.usage import Usage
from orchestra.ports.model import Delta, OnDelta, Reply, Request
from orchestra.telemetry import names
from orchestra.telemetry.spans import SpanRecord
from orchestra.telemetry.tree import Branch, tree
from tests.support.runtime import go, on_every_loop

Spec = dict[str, Any]
Counts = tuple[int, int, int]
LEVELS = 3


class Provider:
    """Does what the task says and keeps what it reported, by (task's id, turn)."""

    name = "test:provider"
    context_window: int | None = None

    def __init__(self) -> None:
        self.reported: Counter[tuple[int, int]] = Counter()
        self.counts: dict[tuple[int, int], Counts] = {}
        self.tried: set[tuple[int, int]] = set()

    def count(self, request: Request, /) -> int:
        return 30

    async def request(self, request: Request, /) -> Reply:
        return await self.stream(request, lambda delta: None)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        spec, turn = spec_of(request)
        place, how = (spec["id"], turn), spec["how"]
        if how in ("again", "late") and place not in self.tried:
            self.tried.add(place)
            raise Overloaded("as told") if how == "again" else ModelTimeout("as told")
        if how == "fails":
            raise BadRequest("as told")
        on_delta(Delta("an", 2))
        await anyio.sleep(0.02 if how == "slow" else 0)
        used, made, cached = spec["usage"]
        calls = () if turn else tuple(call_for(child) for child in spec["below"])
        self.reported[place] += 1
        self.counts[place] = used, made, min(used, cached)
        usage = Usage(input_tokens=used, output_tokens=made, cached_tokens=min(used, cached), requests=1)
        return Reply(text="answer", tool_calls=calls, usage=usage, finish="tool_calls" if calls else "stop")


def spec_of(request: Request) -> tuple[Spec, int]:
    text = next(message.text for message in request.messages if message.role == "user")
    return json.loads(text), int(any(message.role == "tool" for message in request.messages))


def call_for(spec: Spec) -> ToolCall:
    argument = {"task": json.dumps(spec)} if spec["by"] == "agent" else {"spec": json.dumps(spec)}
    name = f"worker{spec['level']}" if spec["by"] == "agent" else spec["by"]
    return ToolCall(id=f"c{spec['id']}", name=name, arguments=argument)


async def work(spec: str) -> list[str]:
    below = json.loads(spec)["below"]
    steps = (outcome(step(f"worker{child['level']}", json.dumps(child))) for child in below)
    return [type(one).__name__ for one in await gather(*steps)]


@tool
async def dig(spec: str) -> list[str]:
    """Has agents do what is below."""
    return await work(spec)


@tool
async def rush(spec: str) -> list[str]:
    """The same, in no time: what is slow is cancelled."""
    with anyio.move_on_after(0.006):
        return await work(spec)
    return []


def team(provider: Provider, native: bool) -> Orchestra:
    agents: list[Agent] = []
    for level in range(LEVELS):
        agents.append(Agent(f"worker{level}", "Works.", model=provider.name, tools=[dig, rush, *agents], max_tokens=30))
    options: Any = {"models": {provider.name: provider}, "prices": {provider.name: (1, 2)}}
    return Orchestra(agents=agents, native_tasks=native, **options)


usages = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
specs = st.recursive(
    st.fixed_dictionaries({"how": st.sampled_from(("ok", "ok", "again", "late", "fails", "slow")), "usage": usages}),
    lambda inner: st.fixed_dictionaries(
        {
            "how": st.sampled_from(("ok", "ok", "again")),
            "usage": usages,
            "below": st.lists(inner, max_size=3),
            "by": st.sampled_from(("agent", "agent", "dig", "rush")),
        }
    ),
    max_leaves=8,
)


def placed(spec: Spec, level: int, ids: list[int]) -> Spec:
    """With ids of its own everywhere, and no deeper than there are agents."""
    ids.append(len(ids))
    id = ids[-1]
    below = [placed(one, level - 1, ids) for one in spec.get("below", ())] if level else []
    by = spec.get("by", "agent") if below else "agent"
    return {"how": spec["how"], "usage": spec["usage"], "id": id, "level": level, "below": below, "by": by}


def counts_of(span: SpanRecord) -> Counts:
    told = span.attributes
    cached = told.get(names.USAGE_CACHE_READ_INPUT_TOKENS, 0)
    return told.get(names.USAGE_INPUT_TOKENS, 0), told.get(names.USAGE_OUTPUT_TOKENS, 0), cached


def added(branch: Branch) -> Counts:
    """The sums below a span, after checking that the span says the same."""
    parts = [counts_of(branch.span), *(added(child) for child in branch.children)]
    sums = sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts)
    told = branch.span.attributes
    if told.get(names.OPERATION) != "chat":
        assert not any(name.startswith("gen_ai.usage.") for name in told)
        if names.ROUTE_CHOSEN not in told:
            assert (told.get(names.TOTAL_INPUT_TOKENS, 0), told.get(names.TOTAL_OUTPUT_TOKENS, 0)) == sums[:2]
    return sums


def chats(branch: Branch) -> list[SpanRecord]:
    own = [branch.span] if branch.span.attributes.get(names.OPERATION) == "chat" else []
    return [*own, *(span for child in branch.children for span in chats(child))]


@on_every_loop
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=specs, watched=st.booleans())
def test_a_trees_sum_is_what_the_providers_reported(loop: str, native: bool, spec: Spec, watched: bool) -> None:
    provider = Provider()
    task = json.dumps(placed(spec, LEVELS - 1, []))

    async def main() -> Any:
        async with team(provider, native) as running:
            if not watched:
                return await running.run(task, to=f"worker{LEVELS - 1}")
            async with running.stream(task, to=f"worker{LEVELS - 1}") as events:
                async for _ in events:
                    pass
            return events.result

    with patch("orchestra.runtime.models.FIRST_WAIT_S", 0.0):
        result = go(loop, main)
    (root,) = tree(result.events, result.run_id)
    usage = result.usage
    assert added(root) == (usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    asked = {e.key: spec_of(e.input) for e in result.events if isinstance(e, CallStarted) and e.kind == "model"}
    seen = set()
    for span in chats(root):
        said, turn = asked[span.key]
        seen.add((said["id"], turn))
        if names.ESTIMATED not in span.attributes:
            assert counts_of(span) == provider.counts.get((said["id"], turn), (0, 0, 0))
    assert provider.counts.keys() <= seen
    assert max(provider.reported.values(), default=1) == 1
    if not usage.estimated:
        sums = [sum(one[n] for one in provider.counts.values()) for n in range(3)]
        assert sums == [usage.input_tokens, usage.output_tokens, usage.cached_tokens]
