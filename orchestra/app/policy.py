"""A policy: what a router is and what it has learned, as one file that any process can serve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from orchestra.core.errors import BadDefinition, JournalVersion
from orchestra.core.ids import canonical
from orchestra.ports.router import Router
from orchestra.routing.spec import made_of
from orchestra.routing.state.sums import SHARED
from orchestra.routing.terms import terms_of, widens

FORMAT, VERSION = "orchestra-policy", 1
SHOWN = 8
DAMAGED = "Take the file from where it was exported once more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A router's name and parameters (``spec``), the features it looks at, and its state, option by option.

    ``name`` is what the router was called in the team that exported it, ``made`` who exported it, and when: for the
    reader alone, and no part of what ``digest`` is taken of. Which router it is makes no difference here.

    Shapes: ``d`` is the number of features, 0 for a router that was asked without any, or keeps others.
    """

    name: str
    spec: Mapping[str, Any]
    state: Mapping[str, Any]
    marks: str = ""
    d: int = 0
    made: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def digest(self) -> str:
        """The sha256 of the content."""
        return sha256(canonical(self._content()).encode()).hexdigest()

    @property
    def options(self) -> int:
        """How many entries of its state are an option's own."""
        return len(self.state.keys() - {SHARED})

    @property
    def label(self) -> str:
        """Name and version, as decisions are marked with: linucb@1a2b3c4d."""
        return f"{self.name.partition('@')[0]}@{self.digest[:SHOWN]}"

    def _content(self) -> dict[str, Any]:
        features = {"marks": self.marks, "d": self.d}
        return {"name": self.name, "router": self.spec, "features": features, "state": self.state}

    def to_dict(self) -> dict[str, Any]:
        made = {"made": dict(self.made)} if self.made else {}
        return {"format": FORMAT, "version": VERSION, **self._content(), **made, "sha256": self.digest}

    def router(self) -> Router:
        """The router with all that it has learned.

        Raises: UnknownRouter, BadDefinition, BadNumber, JournalVersion: what is wrong with router or state.
        """
        router = made_of(self.spec)
        router.load(self.state)
        return router


def policy_of(data: Any, where: str) -> Policy:
    """The policy that this data is. ``where`` it is from goes into the messages.

    Raises: JournalVersion for another format, BadDefinition for what is damaged or no policy.
    """
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise BadDefinition(f"{where} is no policy.", remedy="Export one: orchestra policy export FILE.")
    if data.get("version") != VERSION:
        raise JournalVersion(
            f"{where} is a policy of format {data.get('version')!r}; this is format {VERSION}.",
            remedy="Export it with the package that is to serve it.",
        )
    try:
        features, made = data["features"], data.get("made", {})
        policy = Policy(
            name=str(data["name"]),
            spec=dict(data["router"]),
            state=dict(data["state"]),
            marks=str(features["marks"]),
            d=int(features["d"]),
            made={str(key): str(value) for key, value in made.items()},
        )
        whole = policy.digest == data["sha256"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadDefinition(f"{where} is damaged: {type(error).__name__}: {error}.", remedy=DAMAGED) from None
    if not whole:
        raise BadDefinition(f"{where} is damaged: its content is not that of its sha256.", remedy=DAMAGED)
    return policy


def read_policy(path: str | Path) -> Policy:
    """Raises: JournalVersion for another format; BadDefinition for a file that is not there, damaged or no policy."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = json.loads(text, parse_constant=_no_number)
    except OSError as error:
        raise BadDefinition(f"The policy {path} cannot be read: {error.strerror}.", remedy="Check the path.") from None
    except (ValueError, RecursionError) as error:
        raise BadDefinition(f"{path} is damaged: it is not JSON: {error}.", remedy=DAMAGED) from None
    return policy_of(data, str(path))


def write_policy(policy: Policy, path: str | Path) -> None:
    """Raises BadDefinition where the file cannot be written, NotSerialisable for a state that is no plain data."""
    text = json.dumps(json.loads(canonical(policy.to_dict())), indent=1, ensure_ascii=False, sort_keys=True)
    try:
        Path(path).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadDefinition(f"{path} cannot be written: {error.strerror}.", remedy="Check the path.") from None


def features_in(state: Mapping[str, Any], router: Router) -> int:
    """The number of features of the questions that a router learned from: the highest ``d`` that its entries name; 0
    where it looks at none, or its entries have others.
    """
    if "query" not in terms_of(router).uses or widens(router):
        return 0
    found = [value.get("d") for value in state.values() if isinstance(value, Mapping)]
    return max((d for d in found if isinstance(d, int)), default=0)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
