"""What a learner keeps that no sum can stand for: single examples, a bounded number for each option.

Two such collections are merged by decision: what is known of the same decision adds up, the rest is united. Which
examples stay is a function of the examples alone, so that it does not matter who saw them first: ``SAMPLE`` keeps
those with the smallest hash of the decision's key, which is a uniform sample of all there were; ``LATEST`` those that
were decided last. Source: the sample is the bottom-k sketch of Cohen and Kaplan 2007; the form is ours.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Row = NDArray[np.float32]

VERSION = 1
FORM = "examples"
SAMPLE, LATEST = "sample", "latest"


class Example(NamedTuple):
    """One decision's context and rewards; ``value`` is their mean.

    ``at`` is the policy's version when it was decided. A correction that came before its reward has ``rewards`` 0.
    Shapes: ``x`` (d,), as float32: six digits are all that a record has.
    """

    x: Row
    at: int
    rewards: int
    total: float

    @property
    def value(self) -> float:
        return self.total / self.rewards


@dataclass(slots=True, kw_only=True)
class Examples:
    """The examples of one option, at most ``cap`` of them, and the number of all rewards there were.

    They stand in the order of their ids (``SAMPLE``), or of their time and then of arrival (``LATEST``).
    """

    rule: str
    cap: int
    pulls: int = 0
    id_to_example: dict[str, Example] = field(default_factory=dict)

    def put(self, identity: str, new: Example) -> None:
        """Adds to what is known of this decision; ``settle`` has to follow."""
        old = self.id_to_example.get(identity)
        if old is not None:
            new = Example(old.x, old.at, old.rewards + new.rewards, old.total + new.total)
        self.id_to_example[identity] = new

    def settle(self) -> None:
        """Order, and then room: those that do not fit are gone."""
        if self.rule == SAMPLE:
            kept = sorted(self.id_to_example.items())[: self.cap]
        else:
            kept = sorted(self.id_to_example.items(), key=lambda item: item[1].at)[-self.cap :]
        self.id_to_example = dict(kept)

    def known(self) -> list[Example]:
        """Those that have a reward, in their order."""
        return [example for example in self.id_to_example.values() if example.rewards > 0]


def add(one: Examples, two: Examples) -> Examples:
    """Both, under the rule and within the room of the second. Raises BadDefinition where their rules differ."""
    if one.rule != two.rule:
        raise BadDefinition(
            f"Examples kept by {one.rule!r} do not mix with those kept by {two.rule!r}.",
            remedy="Give each kind of router a name of its own, or start with a new state file.",
        )
    both = Examples(rule=two.rule, cap=two.cap, pulls=one.pulls + two.pulls, id_to_example=dict(one.id_to_example))
    for identity, example in two.id_to_example.items():
        both.put(identity, example)
    both.settle()
    return both


def dimension(examples: Examples) -> int | None:
    """How many features they have, None where there is no example."""
    return next((len(example.x) for example in examples.id_to_example.values()), None)


def to_plain(examples: Examples) -> dict[str, Any]:
    """JSON values; the contexts as little-endian float32 in base64."""
    held = examples.id_to_example.values()
    rows = b"".join(example.x.astype("<f4").tobytes() for example in held)
    return {
        "version": VERSION,
        "form": FORM,
        "rule": examples.rule,
        "cap": examples.cap,
        "pulls": examples.pulls,
        "d": dimension(examples) or 0,
        "ids": list(examples.id_to_example),
        "at": [example.at for example in held],
        "rewards": [example.rewards for example in held],
        "totals": [example.total for example in held],
        "rows": base64.b64encode(rows).decode(),
    }


def from_plain(data: Mapping[str, Any]) -> Examples:
    """Raises JournalVersion for another form or format, BadNumber for damaged or non-finite values."""
    import numpy as np

    if (data.get("form"), data.get("version")) != (FORM, VERSION):
        found = f"{data.get('form', 'sums')!r} of format {data.get('version')!r}"
        raise JournalVersion(f"Learned state in the form {found} was found; this is {FORM!r} of format {VERSION}.")
    try:
        ids, d = [str(identity) for identity in data["ids"]], int(data["d"])
        raw = np.frombuffer(base64.b64decode(data["rows"], validate=True), "<f4").astype(np.float32)
        rows = raw.reshape(len(ids), d)
        columns = zip(rows, data["at"], data["rewards"], data["totals"], strict=True)
        made = [Example(x, int(at), int(rewards), float(total)) for x, at, rewards, total in columns]
        cap, pulls, rule = int(data["cap"]), int(data["pulls"]), str(data["rule"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadNumber(f"Learned state is damaged: {error}.", remedy="Start with a new state file.") from None
    if not np.isfinite(raw).all() or not all(math.isfinite(e.total) and e.rewards >= 0 for e in made):
        raise BadNumber("Learned state is damaged: not all is finite.", remedy="Start with a new state file.")
    if cap < 1 or pulls < 0 or rule not in (SAMPLE, LATEST):
        raise BadNumber(f"Learned state is damaged: cap={cap}, rule={rule!r}.", remedy="Start with a new state file.")
    return Examples(rule=rule, cap=cap, pulls=pulls, id_to_example=dict(zip(ids, made, strict=True)))


def add_plain(old: Any | None, delta: Any) -> Any:
    """``add`` on JSON values. Raises BadDefinition where they have different features."""
    if old is None:
        return delta
    one, two = from_plain(old), from_plain(delta)
    same_features({dimension(one), dimension(two)})
    return to_plain(add(one, two))


def same_features(found: set[int | None]) -> int | None:
    """The one number of features, None where there is none. Raises BadDefinition where there are two."""
    known = sorted(found - {None}, key=lambda d: d or 0)
    if len(known) > 1:
        raise BadDefinition(
            f"This router learned on {known[0]} features and now meets {known[1]}.",
            remedy="Go back to the embedder it learned with, or start with a new state file.",
        )
    return known[0] if known else None
