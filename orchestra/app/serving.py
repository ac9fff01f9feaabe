"""The router of a team: by name, as an object or from a policy file; pinned to a policy or not; and where its state is
kept in a store.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.app.embedding import family
from orchestra.app.policy import Policy, features_in, policy_of, read_policy
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition
from orchestra.ports.router import Lesson, Router
from orchestra.ports.store import Store
from orchestra.routing.registry import router as named
from orchestra.routing.spec import spec_of
from orchestra.routing.state.sums import add_plain
from orchestra.routing.terms import Use, check_use, learns, terms_of

FILE = "policy:"
PINNED = "pinned"
TEAM = Use("a team")


class Serving:
    """A router as a team asks it, and all that the router can do besides.

    One that is served from a policy file begins with what the file knows, bears the file's digest in its name, and
    keeps what it learns since then under that name; one that needs full feedback then learns nothing. While the team
    is pinned, the pinned policy decides and nothing is learned.

    Raises: BadDefinition for a router that cannot decide for a team, and what is wrong with a policy file; when asked
    about other features than a policy was learned on, BadDefinition.
    """

    def __init__(self, given: str | Router, *, learn: bool = True) -> None:
        self._base: Policy | None = None
        self._pinned: tuple[Policy, Router] | None = None
        if isinstance(given, str) and given.startswith(FILE):
            self._base = read_policy(given.removeprefix(FILE))
            self._own = self._base.router()
            renamed(self._own, self._base.label)
        else:
            self._own = named(given)
        self._frozen = not learn or (self._base is not None and terms_of(self._own).feedback == "full")
        check_use(self._own, TEAM, frozen=self._frozen)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.now, name)

    @property
    def now(self) -> Router:
        """Who decides."""
        return self._own if self._pinned is None else self._pinned[1]

    @property
    def pinned(self) -> Policy | None:
        return None if self._pinned is None else self._pinned[0]

    @property
    def name(self) -> str:
        """The name under which it is kept, pinned or not."""
        return self._own.name

    @property
    def version(self) -> int:
        return self.now.version

    @property
    def learns(self) -> bool:
        return learns(self.now)

    @property
    def asking(self) -> Any:
        """What it asks before it decides, None where it asks nothing: said here, as looking for what is not there is
        slow."""
        return getattr(self.now, "asking", None)

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        policy = self.pinned or self._base
        if policy is not None:
            _same_features(policy, question)
        return self.now.choose(question, key, rng)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        if self._pinned is None and not self._frozen:
            self._own.learn(lessons)

    def pulls(self, option: str, /) -> int:
        return self.now.pulls(option)

    def delta(self) -> Mapping[str, Any]:
        return self._own.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """What a store holds, on top of the policy file's."""
        if self._base is not None:
            held = self._base.state
            state = {**held, **state, **{o: add_plain(held[o], state[o]) for o in held.keys() & state.keys()}}
        self._own.load(state)

    def pin(self, policy: Policy | None) -> None:
        """Raises what is wrong with the policy; then nothing has changed."""
        if policy is None:
            self._pinned = None
        elif self._pinned is None or self._pinned[0].digest != policy.digest:
            router = policy.router()
            check_use(router, TEAM, frozen=True)
            renamed(router, policy.label)
            self._pinned = policy, router

    def exported(self, marks: str, made: Mapping[str, str]) -> Policy:
        """What it knows now. Raises BadDefinition for a router that cannot be written down."""
        if self._pinned is not None:
            return self._pinned[0]
        state = getattr(self._own, "state", None)
        if not callable(state):
            raise BadDefinition(f"{self.name!r} has no method state().", remedy="Give it one, as the learners have.")
        spec = spec_of(self._own) if self._base is None else self._base.spec
        known: Any = state()
        looks = "query" in terms_of(self._own).uses
        return Policy(
            name=self.name.partition("@")[0],
            spec=spec,
            state=known,
            marks=marks if looks else "",
            d=features_in(known, self._own),
            made=made,
        )


def renamed(router: Router, name: str) -> None:
    """The name goes into its records."""
    setattr(router, "name", name)  # noqa: B010


def _same_features(policy: Policy, question: Decide) -> None:
    asked = family(question.marks.partition(";")[0].partition(" failed")[0])
    wrong = policy.marks and asked and family(policy.marks) != asked
    if wrong or (policy.d and question.x and len(question.x) != policy.d):
        raise BadDefinition(
            f"The policy {policy.label} was learned on {policy.d} features of {policy.marks or 'an unknown embedder'}, "
            f"and is asked about {len(question.x)} of {question.marks or 'another'}.",
            remedy="Give the team the embedder that the policy was learned with; of a trained one: "
            "embedder='policy:FILE'.",
        )


def shelves(router: Router) -> dict[str, str]:
    """Under which names of a store a router's state lies, each with what its entries begin with in the router's own
    state: a composition's parts have shelves of their own, so that each keeps what it knew before.
    """
    found = getattr(router, "learners", None)
    if found is None:
        return {router.name: ""}
    _, at, digest = router.name.partition("@")
    return {f"{name}{at}{digest}": f"{name}/" for name in found}


def kept(store: Store, router: Router) -> dict[str, Any]:
    """What the store holds of a router's state; a team's router is pinned, or unpinned, as the store says."""
    if isinstance(router, Serving):
        router.pin(pin_of(store, router.name))
    return {
        f"{prefix}{option}": value
        for shelf, prefix in shelves(router).items()
        for option, value in store.load_state(shelf).items()
    }


def keep(store: Store, router: Router, delta: Mapping[str, Any]) -> None:
    """Adds what was learned to what the store holds."""
    for shelf, prefix in shelves(router).items():
        part = {entry.removeprefix(prefix): value for entry, value in delta.items() if entry.startswith(prefix)}
        if part:
            store.add_state(shelf, part, add_plain)


def pin_of(store: Store, name: str) -> Policy | None:
    """Raises as ``policy_of``."""
    data = store.load_state(f"{name}/{PINNED}").get("policy")
    return None if data is None else policy_of(data, f"What {name!r} is pinned to")


def set_pin(store: Store, name: str, policy: Policy | None) -> None:
    """For all processes that share the store, from when they read it next."""
    data = None if policy is None else policy.to_dict()
    store.add_state(f"{name}/{PINNED}", {"policy": data}, lambda _old, new: new)
