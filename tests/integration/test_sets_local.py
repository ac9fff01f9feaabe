"""A real model decides who answers: that it is asked, charged and recorded, never whether it is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestra import Orchestra, agent
from orchestra.agents.bundled import find_bundled
from orchestra.agents.files import load_agent_file
from orchestra.app.members import agent_from_file
from orchestra.core.decision import OOS
from orchestra.core.events import CallEnded
from orchestra.models import local
from orchestra.routing.several.reasoned import NOT_USED, Mixed, Reasoned
from orchestra.topologies.ensemble import OUT_OF_SCOPE

pytestmark = [pytest.mark.local_model, pytest.mark.timeout(120)]
MODEL = "local:smollm2"


@agent(description="Says where a parcel is and when it arrives.", examples=["Where is my parcel?"])
def parcels(text: str) -> str:
    return "It arrives on Monday."


@agent(description="Gives money back.", examples=["When will my money be back?"])
def refunds(text: str) -> str:
    return "It arrives on Friday."


@agent(provides="refinement")
def joined(text: str) -> str:
    """Makes one answer of several."""
    return "both"


@pytest.fixture(autouse=True)
def weights() -> None:
    local.require(local.weights({}))


def test_a_real_model_is_asked_and_what_it_says_is_kept_or_replaced() -> None:
    path = find_bundled("agents", "dispatcher")
    dispatcher = replace(agent_from_file(load_agent_file(path.name, path.parent)), max_tokens=60)
    team = Orchestra(agents=[parcels, refunds, joined, dispatcher], router=Reasoned(floor=0.0), model=MODEL)
    try:
        result = team.run_sync("Is my parcel here, and my money back?", topology="set")
    finally:
        team.close()
    assert result.status == "done" and result.output
    decision = result.decisions[0]
    assert set(decision.chosen) <= {"parcels", "refunds", OOS} and decision.policy == "set:reasoned"
    assert (decision.probability is None) != decision.reason.startswith(NOT_USED)
    asked = [e for e in result.events if isinstance(e, CallEnded) and e.name == "dispatcher"]
    assert 1 <= len(asked) <= 2 and all(e.usage.requests >= 1 and e.usage.input_tokens > 100 for e in asked)
    assert result.usage.requests >= sum(e.usage.requests for e in asked)
    assert (result.output == OUT_OF_SCOPE) == (decision.chosen == (OOS,))


def test_where_the_scores_are_clear_the_model_is_not_asked() -> None:
    team = Orchestra(agents=[parcels, refunds, joined, "dispatcher"], router=Mixed(floor=0.0), model=MODEL)
    try:
        result = team.run_sync("Where is my parcel?", topology="set")
    finally:
        team.close()
    assert result.output == "It arrives on Monday." and result.usage.requests == 0
