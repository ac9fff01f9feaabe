"""Policies of a team and of its store: export, import, compare, pin."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from orchestra.app.embedding import COUNT, family
from orchestra.app.orchestra import Orchestra
from orchestra.app.policy import Policy, features_in
from orchestra.app.serving import Serving, keep, kept, set_pin
from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, JournalMissing
from orchestra.core.events import Decided
from orchestra.ports.router import Router
from orchestra.ports.store import Store
from orchestra.routing.compositions.scored import scores_of
from orchestra.routing.registry import router as named
from orchestra.routing.spec import spec_of
from orchestra.routing.state.sums import SHARED, add_plain
from orchestra.stores.registry import open_store

IMPORTED, FEATURES = "imported", "features"
RUNS_READ = 100_000
T = TypeVar("T")


def exported(team: Orchestra, by: str = "") -> Policy:
    """What the team's router knows now, with the name of its features. Blocks while the state is loaded.

    Raises: BadDefinition for a router that cannot be written down; StateUnusable, JournalVersion.
    """
    if not team._team.learning.loaded:
        team._door.call(team._team.open)
    now = datetime.fromtimestamp(team.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = {"at": now, **({"by": by} if by else {})}
    return _serving(team).exported(team._team._decider.features_name(team.catalog), made)


def stored_policy(state: Path, name: str, by: str = "") -> Policy:
    """The same from a state file alone, for a router by its name. Raises UnknownRouter, BadDefinition."""
    router = named(name)
    store = _there(state)
    try:
        known = kept(store, router)
        marks = sorted(store.load_state(f"{name}/{FEATURES}"))
    finally:
        store.close()
    if not known:
        raise BadDefinition(f"{state} holds nothing that {name!r} has learned.", remedy="Check the name and the file.")
    d, made = features_in(known, router), {"by": by} if by else {}
    return Policy(name=name, spec=spec_of(router), state=known, marks="".join(marks[:1]), d=d, made=made)


def imported(team: Orchestra, policy: Policy, *, add: bool = False) -> int:
    """Adds what a policy knows to the team's state, and returns of how many options that is.

    Each policy once; where the team has learned something itself, only with ``add``: then it knows what both knew.
    Raises: JournalMissing without state; BadDefinition for a policy of another router, other features or one that is
    in the state already.
    """
    serving, known = _serving(team), exported(team)
    if policy.spec != known.spec:
        raise BadDefinition(
            f"The policy is of the router {_said(policy.spec)}, and the team's is {_said(known.spec)}.",
            remedy=f"Serve it as it is: Orchestra(router='policy:FILE'), or take the router {_said(policy.spec)}.",
        )
    mine = team._team._decider.features_name(team.catalog)
    if policy.marks and family(policy.marks) != family(mine):
        raise BadDefinition(
            f"The policy was learned on the features {policy.marks}; those of this team are {mine}.",
            remedy="Give the team the embedder that the policy was learned with.",
        )

    def write(store: Store) -> None:
        with store.transaction():
            held = kept(store, serving)
            if policy.digest in store.load_state(f"{serving.name}/{IMPORTED}"):
                raise BadDefinition(f"{policy.label} is in this state already.", remedy="Nothing is to be done.")
            if held and not add:
                raise BadDefinition(
                    f"The team knows something already, of {len(held)} options.",
                    remedy="To know what both know, add it: --add.",
                )
            both = {o: add_plain(held[o], policy.state[o]) for o in held.keys() & policy.state.keys()}
            _copy(policy).load({**held, **policy.state, **both})  # what does not fit is refused before it is written
            keep(store, serving, policy.state)
            store.add_state(f"{serving.name}/{IMPORTED}", {policy.digest: dict(policy.made)}, _newer)
            if policy.marks:
                store.add_state(f"{serving.name}/{FEATURES}", {family(policy.marks): {COUNT: 0}}, _counted)

    _in_store(team, write)
    team._door.call(team._team.learning.refresh)
    return policy.options


def pinned(team: Orchestra, policy: Policy | None = None) -> Policy:
    """From now on the team, and every process that shares its state, serves this policy and learns nothing; without
    one, what it knows now. Others see it when they read the state next. Raises JournalMissing without state.
    """
    policy = exported(team) if policy is None else policy
    _serving(team).pin(policy)  # what is wrong with it is said here
    _in_store(team, lambda store: set_pin(store, _serving(team).name, policy))
    return policy


def unpinned(team: Orchestra) -> None:
    """The team's own router serves again, with what it knew, and learns. Raises JournalMissing without state."""
    _in_store(team, lambda store: set_pin(store, _serving(team).name, None))
    team._door.call(team._team.learning.refresh)


def difference(one: Policy, two: Policy, log: Sequence[Decision] = ()) -> dict[str, Any]:
    """What became of the one in the other, as plain data.

    ``options`` holds the pulls and the estimate of each in both, the estimate for a task of which nothing is known but
    the constant feature. ``log`` says on which share of these decisions they would prefer another option, and how far
    their scores are apart on average. Raises what is wrong with a policy.
    """
    routers = one.router(), two.router()
    names = [{entry.rpartition("/")[2] for entry in policy.state} - {SHARED} for policy in (one, two)]
    both = sorted(names[0] | names[1])
    pulls = [[router.pulls(name) for router in routers] for name in both]
    estimates = [_estimates(router, policy, both) for router, policy in zip(routers, (one, two), strict=True)]
    return {
        "policies": [one.label, two.label],
        "same": one.digest == two.digest,
        "routers": [_said(one.spec), _said(two.spec)],
        "features": [one.marks, two.marks],
        "added": sorted(names[1] - names[0]),
        "removed": sorted(names[0] - names[1]),
        "options": [
            {"name": name, "pulls": seen, "estimates": [known.get(i) for known in estimates]}
            for i, (name, seen) in enumerate(zip(both, pulls, strict=True))
        ],
        "log": _on(log, *routers) if log else None,
    }


def decisions_in(state: Path) -> list[Decision]:
    """The decisions in a state file that a router made, the newest runs first. Raises BadDefinition for no file."""
    store = _there(state)
    try:
        events = (event for row in store.runs(RUNS_READ) for event in store.read(row.run_id))
        made = [event.decision for event in events if isinstance(event, Decided)]
    finally:
        store.close()
    return [one for one in made if any(option.probability is not None for option in one.options)]


def _on(log: Iterable[Decision], one: Router, two: Router) -> dict[str, Any]:
    differ, apart, seen, n = 0, 0.0, 0, 0
    for decision in log:
        question = decision.question()
        answers = [router.choose(question, decision.key, random.Random(0)) for router in (one, two)]
        n, differ = n + 1, differ + (_preferred(answers[0]) != _preferred(answers[1]))
        for a, b in zip(answers[0].options, answers[1].options, strict=True):
            if a.score is not None and b.score is not None:
                apart, seen = apart + abs(a.score - b.score), seen + 1
    return {"decisions": n, "differ": differ / n, "scores_apart": apart / seen if seen else None}


def _preferred(decision: Decision) -> str:
    likely = [option.probability or 0.0 for option in decision.options]
    return decision.options[likely.index(max(likely))].name if any(likely) else decision.chosen[0]


def _estimates(router: Router, policy: Policy, names: Sequence[str]) -> Mapping[int, float]:
    x = (1.0, *[0.0] * (policy.d - 1)) if policy.d else ()
    question = Decide(capability="diff", options=tuple(Option(name) for name in names), x=x, marks=policy.marks)
    return scores_of(router, question, "diff") if names else {}


def _copy(policy: Policy) -> Router:
    return Policy(name=policy.name, spec=policy.spec, state={}).router()


def _said(spec: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in (spec.get("parameters") or {}).items())
    return f"{spec.get('router')}({given})" if given else str(spec.get("router"))


def _serving(team: Orchestra) -> Serving:
    return team._team._router


def _in_store(team: Orchestra, write: Callable[[Store], T]) -> T:
    writer = team._team.writer
    if writer is None:
        raise JournalMissing(
            "The team keeps no state, so nothing can be written there.", remedy="Pass state='team.db'."
        )
    return team._door.call(lambda: writer.call(lambda: write(writer.store)))


def _there(state: Path) -> Store:
    if not state.is_file():
        raise BadDefinition(f"There is no state file {state}.", remedy="Check the path.")
    return open_store(state)


def _newer(_old: Any, new: Any) -> Any:
    return new


def _counted(old: Any, new: Mapping[str, Any]) -> Any:
    return old or new
