"""Policy files: out of one team, into another, compared, pinned; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra import Orchestra, agent
from orchestra.app.policies import decisions_in, difference, exported, imported, pinned, stored_policy, unpinned
from orchestra.app.policy import Policy, policy_of, read_policy, write_policy
from orchestra.app.serving import Serving, keep, kept
from orchestra.core.errors import BadDefinition, BadNumber, ConfigError, JournalMissing, JournalVersion, UnknownRouter
from orchestra.ports.router import Terms
from orchestra.routing.compositions.composed import Chain, Sure
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.regression import Ridge
from orchestra.routing.spec import made_of, spec_of
from orchestra.stores.memory import MemoryStore
from tests.unit.routing.kit import decision, question, taught


@agent(provides="answer", cost_usd=0.001)
def plain(text: str) -> str:
    """Answers plainly."""
    return f"plain {text}"


@agent(provides="answer", cost_usd=0.002)
def fancy(text: str) -> str:
    """Answers with flourish."""
    return f"fancy {text}"


def team(state: Any = None, router: Any = "linucb", **options: Any) -> Orchestra:
    return Orchestra(agents=[plain, fancy], router=router, state=state, **options)


def used(one: Orchestra, times: int = 4, reward: float = 1.0) -> None:
    for n in range(times):
        result = one.run_sync(f"task {n}", to="answer", seed=n)
        one.feedback_sync(result.run_id, reward)


def tries(one: Orchestra) -> int:
    return sum(option.tries for option in one.route("task", to="answer").options)


def test_what_one_team_learned_another_serves(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    first = team()
    used(first)
    policy = exported(first, by="us")
    write_policy(policy, file)
    told = json.loads(file.read_text())
    assert (told["format"], told["version"], told["name"], told["made"]["by"]) == (
        "orchestra-policy",
        1,
        "linucb",
        "us",
    )
    assert told["features"]["d"] == 65 and told["features"]["marks"].startswith("hash64-idf-")
    assert set(told["state"]) <= {"plain", "fancy"} and len(told["sha256"]) == 64
    second = team(router=f"policy:{file}")
    one, two = (each.route("task 1", to="answer", seed=3) for each in (first, second))
    assert [o.score for o in one.options] == pytest.approx([o.score for o in two.options])
    assert two.policy == read_policy(file).label == f"linucb@{told['sha256'][:8]}"
    used(second)
    assert (tries(first), tries(second)) == (4, 8)  # it goes on learning on top of the file
    frozen = team(router=f"policy:{file}", learn=False)
    used(frozen)
    assert tries(frozen) == 4
    for each in (first, second, frozen):
        each.close()


def test_what_is_learned_on_top_of_a_file_is_kept_apart(tmp_path: Path) -> None:
    file, state = tmp_path / "policy.json", tmp_path / "team.db"
    origin = team(state)
    used(origin)
    write_policy(exported(origin), file)
    origin.close()
    for expected in (5, 6):  # the file's four are counted once, whatever the state holds
        served = team(state, router=f"policy:{file}")
        used(served, 1)
        assert tries(served) == expected
        served.close()
    again = team(state)
    assert exported(again).digest == read_policy(file).digest
    again.close()


def test_import_adds_once(tmp_path: Path) -> None:
    origin, other = team(), team(tmp_path / "other.db")
    used(origin)
    policy = exported(origin)
    assert imported(other, policy) == len(policy.state) and tries(other) == 4
    with pytest.raises(BadDefinition, match="in this state already"):
        imported(other, policy, add=True)
    used(origin, 1)
    with pytest.raises(BadDefinition, match="--add"):
        imported(other, exported(origin))
    imported(other, exported(origin), add=True)
    assert tries(other) == 9
    other.close()
    later = team(tmp_path / "other.db")
    later.run_sync("load", to="answer")
    assert tries(later) == 9
    with pytest.raises(JournalMissing, match="keeps no state"):
        imported(origin, policy)
    with pytest.raises(BadDefinition, match="of the router ema"):
        imported(later, Policy(name="ema", spec=spec_of(made_of({"router": "ema"})), state={}))
    with pytest.raises(BadDefinition, match="learned on the features other"):
        imported(later, Policy(name="linucb", spec={"router": "linucb", "parameters": {}}, state={}, marks="other"))
    damaged = Policy(name="linucb", spec=policy.spec, state={"plain": {"version": 9}})
    with pytest.raises(ConfigError):
        imported(later, damaged, add=True)
    assert tries(later) == 9
    later.close()
    origin.close()


def test_a_pinned_team_serves_that_version_and_learns_nothing(tmp_path: Path) -> None:
    state = tmp_path / "team.db"
    first = team(state)
    used(first)
    policy = pinned(first)
    before = first.route("task 1", to="answer")
    used(first)
    after = first.route("task 1", to="answer")
    assert [o.score for o in after.options] == [o.score for o in before.options] and tries(first) == 4
    assert after.policy == before.policy == policy.label
    other = team(state)  # another process
    used(other, 2)
    assert other.route("task 1", to="answer").policy == policy.label and tries(other) == 4
    unpinned(other)
    assert other.route("task 1", to="answer").policy == "linucb"
    used(other, 1)
    assert tries(other) == 5
    with pytest.raises(JournalMissing):
        pinned(team(), policy)
    first.close()
    other.close()


def test_a_pin_to_another_router(tmp_path: Path) -> None:
    best = Policy(name="best", spec={"router": "best", "parameters": {}}, state={})
    one = team(tmp_path / "team.db")
    pinned(one, best)
    assert one.route("task", to="answer").policy == best.label
    assert exported(one).digest == best.digest
    one.close()


def damaged(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        router = LinUCB()
        taught(router, ("plain", (1.0, 0.5), 1.0))
        policy = Policy(name="linucb", spec={"router": "linucb", "parameters": {}}, state=router.state(), d=2)
        data = json.loads(json.dumps(policy.to_dict()))
        path.write_text(json.dumps(change(data) or data))

    return write


REFUSED: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "not there": (lambda path: None, BadDefinition, "cannot be read"),
    "no JSON": (lambda path: path.write_text("{"), BadDefinition, "not JSON"),
    "NaN": (lambda path: path.write_text('{"a": NaN}'), BadDefinition, "NaN"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\x00"), BadDefinition, "damaged"),
    "a list": (damaged(lambda data: [data]), BadDefinition, "is no policy"),
    "another kind": (damaged(lambda data: {**data, "format": "x"}), BadDefinition, "is no policy"),
    "another version": (damaged(lambda data: {**data, "version": 2}), JournalVersion, "format 2"),
    "state changed": (damaged(lambda data: data["state"].update(fancy={})), BadDefinition, "sha256"),
    "router changed": (damaged(lambda data: data.update(router={"router": "ema"})), BadDefinition, "sha256"),
    "no digest": (damaged(lambda data: data.pop("sha256") and None), BadDefinition, "KeyError"),
    "no state": (damaged(lambda data: data.pop("state") and None), BadDefinition, "damaged"),
    "features of no form": (damaged(lambda data: data.update(features=[])), BadDefinition, "damaged"),
}


@pytest.mark.parametrize(("write", "error", "why"), REFUSED.values(), ids=REFUSED)
def test_bad_files_are_refused_by_name(
    write: Callable[[Path], Any], error: type[Exception], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.json"
    write(path)
    with pytest.raises(error, match=why) as refused:
        team(router=f"policy:{path}")
    assert "policy.json" in str(refused.value)


SPECS: dict[str, tuple[dict[str, Any], type[Exception]]] = {
    "nobody": ({"router": "nobody"}, UnknownRouter),
    "nobody with parameters": ({"router": "os:system", "parameters": {"command": "true"}}, UnknownRouter),
    "no name": ({"parameters": {}}, BadDefinition),
    "no mapping": ({"router": "linucb", "parameters": [1]}, BadDefinition),
    "unknown parameter": ({"router": "linucb", "parameters": {"beta": 1}}, BadDefinition),
    "bad number": ({"router": "linucb", "parameters": {"alpha": -1}}, BadNumber),
}


@pytest.mark.parametrize(("spec", "error"), SPECS.values(), ids=SPECS)
def test_bad_routers_in_a_whole_file_are_refused(spec: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    write_policy(Policy(name="x", spec=spec, state={}), tmp_path / "policy.json")
    with pytest.raises(error):
        team(router=f"policy:{tmp_path / 'policy.json'}")


def test_a_policy_of_other_features_is_refused(tmp_path: Path) -> None:
    router = LinUCB()
    taught(router, ("plain", (1.0, 0.5), 1.0))
    spec = {"router": "linucb", "parameters": {}}
    for marks, d, why in (("", 2, "2 features"), ("minilm", 65, "of minilm")):
        write_policy(Policy(name="linucb", spec=spec, state=router.state(), marks=marks, d=d), tmp_path / "p.json")
        with pytest.raises(BadDefinition, match=why):
            team(router=f"policy:{tmp_path / 'p.json'}").route("task", to="answer")


def test_a_router_that_was_made_by_name_is_its_name() -> None:
    named = made_of({"router": "linucb>cheapest"})
    assert spec_of(named) == {"router": "linucb>cheapest", "parameters": {}}


def test_a_composition_finds_what_its_parts_knew(tmp_path: Path) -> None:
    state = tmp_path / "team.db"
    alone = team(state)
    used(alone)
    alone.close()
    chain = team(state, router=Chain(Sure("linucb", rewards=1), "ema"))
    used(chain, 1)
    assert chain.route("task", to="answer").reason.startswith("linucb: ") and tries(chain) == 5
    write_policy(exported(chain), tmp_path / "chain.json")
    chain.close()
    again = team(state)
    for policy in (exported(again), stored_policy(state, "linucb")):
        assert sum(policy.router().pulls(name) for name in ("plain", "fancy")) == 5
        assert (policy.name, policy.marks.partition("-")[0], policy.d) == ("linucb", "hash64", 65)
    served = team(state, router=f"policy:{tmp_path / 'chain.json'}")
    used(served, 1)
    assert tries(served) == 6
    served.close()
    again.close()


def test_parts_have_shelves_of_their_own() -> None:
    store, chain = MemoryStore(), Chain("linucb", EMA("slow"))
    taught(chain, ("a", (1.0,), 1.0))
    keep(store, chain, chain.delta())
    assert set(store.load_state("linucb")) == set(store.load_state("slow")) == {"a"}
    assert kept(store, chain) == json.loads(json.dumps(chain.state()))


def test_differences() -> None:
    one, two = Ridge(floor=0.0), Ridge(floor=0.0)
    taught(one, *[("a", (1.0, 0.0), 1.0)] * 4, ("b", (1.0, 0.0), 0.0))
    taught(two, *[("a", (1.0, 0.0), 0.0)] * 4, ("c", (1.0, 0.0), 1.0))
    spec = {"router": "regression", "parameters": {}}
    first, second = (Policy(name="regression", spec=spec, state=r.state(), d=2) for r in (one, two))
    log = [
        decision(name, (1.0, 0.0), options=(question(*names).options))
        for name, names in (("a", "ab"), ("b", "ab"), ("b", "b"))
    ]
    found = difference(first, second, log[:2])
    assert (found["same"], found["added"], found["removed"]) == (False, ["c"], ["b"])
    assert [row["pulls"] for row in found["options"]] == [[4, 4], [1, 0], [0, 1]]
    a = found["options"][0]["estimates"]
    assert a == pytest.approx([0.5 + 4 * 0.5 / 5, 0.5 - 4 * 0.5 / 5])
    assert found["log"]["decisions"] == 2 and found["log"]["differ"] == 1.0 and found["log"]["scores_apart"] > 0.3
    same = difference(first, first, log)
    assert same["same"] and same["log"]["differ"] == 0.0 and same["log"]["scores_apart"] == 0.0
    assert difference(first, second)["log"] is None


def test_decisions_of_a_state_file(tmp_path: Path) -> None:
    one = team(tmp_path / "team.db")
    used(one, 3)
    one.close()
    assert len(decisions_in(tmp_path / "team.db")) == 3
    with pytest.raises(BadDefinition, match="no state file"):
        decisions_in(tmp_path / "other.db")
    with pytest.raises(BadDefinition, match="nothing that 'ema'"):
        stored_policy(tmp_path / "team.db", "ema")


class Trained(Ridge):
    terms = Terms(feedback="full", training=True)


class Reading(Ridge):
    terms = Terms(when="after", uses=frozenset({"response"}))


def test_a_team_refuses_what_cannot_decide_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadDefinition, match="needs 'full' feedback"):
        team(router=Trained())
    with pytest.raises(BadDefinition, match="decides 'after'"):
        team(router=Reading(), learn=False)
    team(router=Trained(), learn=False).close()
    from orchestra.routing import registry

    monkeypatch.setitem(registry.NAME_TO_PLACE, "trained", f"{__name__}:Trained")
    policy = Policy(name="trained", spec={"router": "trained", "parameters": {}}, state={})
    write_policy(policy, tmp_path / "p.json")
    served = team(router=f"policy:{tmp_path / 'p.json'}")
    used(served, 2)  # what was trained goes on as it is
    assert tries(served) == 0
    served.close()


def test_a_pinned_router_is_replaced_only_by_what_can_serve() -> None:
    serving = Serving("linucb")
    with pytest.raises(UnknownRouter):
        serving.pin(Policy(name="x", spec={"router": "nobody"}, state={}))
    assert serving.pinned is None and serving.now.name == "linucb"


def test_policy_of_says_where_it_is_from() -> None:
    with pytest.raises(BadDefinition, match="What 'x' is pinned to"):
        policy_of({}, "What 'x' is pinned to")
