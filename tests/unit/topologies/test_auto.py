"""From a planner's answer to the topology that fits it."""

import json
from typing import Any

import pytest

from orchestra.agents.bundled import find_bundled
from orchestra.agents.files import load_agent_file
from orchestra.core.call import Call, Planned
from orchestra.core.errors import BadDefinition, BadReply, NoEffect
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.topologies.auto import Auto, topology_for
from orchestra.topologies.decompose import Decomposition, Need, Subtask, decomposition_of, decomposition_schema
from orchestra.topologies.hierarchical import Hierarchical
from orchestra.topologies.hybrid import Hybrid
from tests.support.plans import Driver


def steps(**after: Any) -> Decomposition:
    made = (Subtask(id=name, task=f"do {name}", capability=name, after=tuple(above)) for name, above in after.items())
    return Decomposition(steps=tuple(made))


def answer(*steps: dict[str, Any]) -> str:
    return json.dumps({"steps": list(steps), "questions": []})


GOOD = answer(
    {"id": "facts", "capability": "research", "task": "Find them.", "after": []},
    {"id": "sums", "capability": "wizardry", "task": "Add them up.", "after": [{"id": "facts", "coupling": "strong"}]},
)


def test_a_reply_is_read_from_text_from_json_and_as_it_is() -> None:
    found = decomposition_of(GOOD)
    assert [one.id for one in found.steps] == ["facts", "sums"]
    assert found.steps[1].needs == (Need(id="facts", coupling="strong"),)
    assert found.dag.parents == {"facts": {}, "sums": {"facts": "strong"}}
    assert decomposition_of(json.loads(GOOD)) == decomposition_of(f"Here it is:\n```json\n{GOOD}\n```") == found
    assert decomposition_of(found) is found
    assert steps(a=(), b=("a",)).dag.parents["b"] == {"a": "weak"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("I cannot.", "not JSON"),
        ("[]", "does not fit"),
        (3, "does not fit"),
        ('{"steps": []}', "0 steps, not 1 to 12"),
        (answer(*({"id": f"s{i}", "task": "x"} for i in range(13))), "13 steps, not 1 to 12"),
        (answer({"id": "a", "task": "x"}, {"id": "a", "task": "y"}), "Two steps have the id 'a'"),
        (answer({"id": "a b", "task": "x"}), "'a b' cannot be a name"),
        (answer({"id": "a", "task": " "}), "says nothing"),
        (answer({"id": "a", "task": "x", "after": ["b"]}), "'a' comes after 'b'"),
        (answer({"id": "a", "task": "x", "after": ["a"]}), "circle"),
        (answer({"id": "a", "task": "x"}, {"id": "b", "task": "x", "after": ["a", "a"]}), "one step twice"),
        (answer({"id": "b", "task": "x", "after": [{"id": "a", "coupling": "hot"}]}), "coupling"),
    ],
)
def test_a_reply_that_cannot_be_used_says_why(reply: Any, said: str) -> None:
    with pytest.raises(BadReply, match=said):
        decomposition_of(reply)


def test_the_same_holds_for_one_that_is_built_in_code() -> None:
    with pytest.raises(BadDefinition, match="circle: a after b after a"):
        steps(a=("b",), b=("a",))


def test_the_schema_is_that_of_an_object_with_steps() -> None:
    schema = decomposition_schema()
    assert schema["type"] == "object" and schema["required"] == ["steps"]
    assert schema["$defs"]["Need"]["properties"]["coupling"]["enum"] == ["none", "weak", "strong", "critical"]


def strong(*names: str) -> tuple[Need, ...]:
    return tuple(Need(id=name, coupling="strong") for name in names)


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (steps(a=(), b=()), "parallel"),
        (steps(a=(), b=("a",), c=("a", "b")), "sequential"),
        (steps(a=(), b=(), c=(), d=("a",)), "parallel"),
        (steps(a=(), b=("a",), c=("a",), d=("b", "c")), "hybrid"),
        (steps(a=(), b=(), c=(), d=(), e=(), report=strong("a", "b", "c", "d", "e")), "hierarchical"),
    ],
)
def test_whatever_is_selected_keeps_to_the_edges(found: Decomposition, name: str) -> None:
    topology = topology_for(found, ("a", "b"))
    assert topology.name == name
    assert isinstance(topology, Hierarchical if name == "hierarchical" else Hybrid)
    assert [member.after for member in topology.members] == [tuple(n.id for n in one.needs) for one in found.steps]
    assert [member.target for member in topology.members] == [s.id if s.id in "ab" else "*" for s in found.steps]


def driven(*replies: Any, **options: Any) -> tuple[Driver, Outcome]:
    left = list(replies)

    def answer(call: Call) -> Outcome:
        if call.target == "plan":
            reply = left.pop(0)
            return reply if isinstance(reply, Failed) else Done(output=reply)
        assert isinstance(call.target, Planned)
        inner = Driver(lambda one: Done(output=f"{one.target} did {one.input['task']}"))
        return inner.run(call.target.plan(call.input))

    driver = Driver(answer)
    return driver, driver.run(Auto(**options).plan("Do the sums."))


def test_auto_asks_the_planner_then_runs_what_fits() -> None:
    driver, outcome = driven(GOOD, capabilities=("research", "plan"))
    assert driver.names == ["plan", "sequential"]
    asked = driver.calls[0][1].input
    assert asked["goal"] == "Do the sums." and asked["schema"] == decomposition_schema()
    assert asked["capabilities"] == ["research"]
    assert driver.calls[1][1].input == "Do the sums." and outcome == Done(output="* did Add them up.")


def test_a_bad_plan_is_sent_back_once() -> None:
    driver, outcome = driven("no idea", GOOD)
    assert driver.names == ["plan", "plan", "sequential"] and isinstance(outcome, Done)
    again = driver.calls[1][1].input
    assert again["rejected"] == "no idea" and "not JSON" in again["fault"] and "capabilities" not in again
    driver, outcome = driven("no idea", "none at all")
    assert driver.names == ["plan", "plan"]
    assert isinstance(outcome, Failed) and outcome.cause.kind == "BadReply"
    driver, outcome = driven(failed(NoEffect("no planner")))
    assert driver.names == ["plan"] and isinstance(outcome, Failed) and outcome.cause.kind == "NoEffect"


def test_the_shipped_planner_answers_in_a_form_that_can_be_read() -> None:
    path = find_bundled("agents", "planner")
    file = load_agent_file(path, path.parent)
    example = file.instructions[file.instructions.index('{"steps"') :]
    found = decomposition_of(json.JSONDecoder().raw_decode(example)[0])
    assert topology_for(found, ("research", "analysis")).name == "parallel" and "plan" in (file.provides or ())
