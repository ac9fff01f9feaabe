"""The JSON Schemas that we and two other libraries make of the same sixty signatures, compared.

Only what means the same is made the same: titles, references in place of what they stand for, white space in
descriptions, the order of ``required``. Every difference that is left has a reason, or is reported as unexplained.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import signatures
from benchmarks.contenders import PEERS_PYTHON, ROOT, environment

MODULES = ("benchmarks.peers.pydantic_ai_schemas", "benchmarks.peers.openai_agents_schemas")
TABLE = ROOT / "benchmarks/schemas.md"
IDENTICAL, SAME = "identical", "same meaning"
UNEXPLAINED = "unexplained"

REASONS = {
    "open": "The other leaves the arguments open and drops what it does not know. Ours are closed: a name that a model "
    "made up is an error that it is told, not a wish that is silently ignored.",
    "required": "Strict mode requires every parameter, also one with a default, as the vendor's strict schemas know no "
    "optional ones; the model then has to write a value that nobody needs. Ours says what the signature says; a wire "
    "that wants the stricter form can make it.",
    "closed": "Strict mode closes nested objects. Ours follow their own type: pydantic models, dataclasses and "
    "TypedDicts ignore further keys unless they forbid them. (Schemas of answers are closed: there we are the reader.)",
    "null": "Strict mode strikes `default: null`. Ours keeps it: it says what happens if the argument is left out.",
    "mapping": "Strict mode refuses the function, because a mapping with free keys has no strict form. Ours gives the "
    "schema; whoever decodes strictly decides.",
    "unwrapped": "The other shows the fields of a single model as if they were the parameters. Ours keeps the "
    "parameter's name, so that a second parameter does not change the first; bare fields are bound as well.",
    "tags": "The other writes a tagged union as `oneOf` with OpenAPI's `discriminator`. Ours is `anyOf`, which strict "
    "modes take; each branch has its tag as a constant, so exactly one can fit either way.",
    "text": 'The other ignores `Annotated[str, "a text"]`. Ours takes the text as the description, if no Field gives '
    "one.",
    "nearer": "Both a Field and the docstring describe the parameter. The other takes the docstring, ours the Field, "
    "which stands at the parameter.",
    "names": "The other fails on a parameter that is named like one of pydantic's own (`model_config`). Ours takes any "
    "name.",
    "field": "Ours refuses `n: int = Field(...)` where it is written: the decorated function stays callable, and a "
    "plain call would get the Field for a number. The message says what to write: `Annotated[int, Field(...)] = 3`.",
    "variadic": "Ours refuses `*args` and `**kwargs` where they are written: arguments are bound by name, and made-up "
    "names are errors. The message says what to write. (Strict mode refuses `**kwargs` as well.)",
}


class Row(NamedTuple):
    """One signature against one library: identical, the same meaning, or the reasons of what differs."""

    name: str
    peer: str
    reasons: tuple[str, ...]
    identical: bool = False

    @property
    def cell(self) -> str:
        return ", ".join(self.reasons) or (IDENTICAL if self.identical else SAME)


def ours() -> dict[str, Any]:
    from orchestra.core.errors import OrchestraError
    from orchestra.ports.scope import Context
    from orchestra.tools.schema import contract

    def schema_of(fn: Callable[..., Any]) -> dict[str, Any]:
        try:
            return dict(contract(fn)[0].schema)
        except OrchestraError as error:
            return {"refused": str(error)}

    signatures.Context = Context
    return {fn.__name__: schema_of(fn) for fn in signatures.SIGNATURES}


def peers() -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Versions by library, and schemas by library (in one of its modes) and signature; empty where none is there."""
    there = Path(PEERS_PYTHON or ROOT / ".venv-peers/bin/python")
    versions: dict[str, str] = {}
    schemas: dict[str, dict[str, Any]] = {}
    if not os.access(there, os.X_OK):
        return versions, schemas
    for module in MODULES:
        done = subprocess.run(
            [there, "-m", module], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
        )
        said = json.loads(done.stdout)
        schemas |= said["schemas"]
        versions[next(iter(said["schemas"]))] = said["version"]
    return versions, schemas


def compared(own: Mapping[str, Any], peer: str, theirs: Mapping[str, Any]) -> list[Row]:
    return [_row(name, peer, schema, theirs[name]) for name, schema in own.items()]


def _row(name: str, peer: str, a: dict[str, Any], b: dict[str, Any]) -> Row:
    if "refused" in a or "refused" in b:
        return Row(name, peer, _refusal(a.get("refused"), b.get("refused")))
    if a == b:
        return Row(name, peer, (), identical=True)
    a, b = meaning(a), meaning(b)
    if _is_unwrapped(a, b):
        return Row(name, peer, ("unwrapped",))
    found = {_reason(path, x, y) for path, x, y in differences(a, b)}
    return Row(name, peer, tuple(reason for reason in (*REASONS, UNEXPLAINED) if reason in found))


def _refusal(own: str | None, other: str | None) -> tuple[str, ...]:
    if own is None:
        words = {"FieldInfo": "names", "additionalProperties": "mapping"}
        return (next((reason for word, reason in words.items() if word in str(other)), UNEXPLAINED),)
    if other is not None:
        return ()
    return ("field",) if "pydantic Field" in own else ("variadic",) if "*args" in own else (UNEXPLAINED,)


def meaning(schema: Any, defs: Mapping[str, Any] | None = None, above: tuple[str, ...] = ()) -> Any:
    """The schema without what says nothing: titles, references, line breaks, an empty ``required``, orders."""
    if not isinstance(schema, dict):
        return schema
    defs = schema.get("$defs", {}) if defs is None else defs
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    if name and name not in above:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return meaning({**defs[name], **beside}, defs, (*above, name))
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "description":
            made[key] = " ".join(value.split())
        elif key == "required":
            made |= {key: sorted(value)} if value else {}
        elif key == "properties":
            made[key] = {name: meaning(one, defs, above) for name, one in value.items()}
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            made[key] = [meaning(one, defs, above) for one in value]
        elif key in ("items", "additionalProperties"):
            made[key] = meaning(value, defs, above)
        elif key not in ("title", "$defs"):
            made[key] = value
    return made


ABSENT = "(absent)"
Difference = tuple[tuple[str, ...], Any, Any]


def differences(a: Any, b: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """(path, in the first, in the second) of each place that differs."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            yield from differences(a.get(key, ABSENT), b.get(key, ABSENT), (*path, key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and path[-1:] != ("required",):
        for i, pair in enumerate(zip(a, b, strict=True)):
            yield from differences(*pair, (*path, str(i)))
    elif a != b or type(a) is not type(b):
        yield path, a, b


def _is_unwrapped(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether the other is the schema of our only parameter."""
    if len(a["properties"]) != 1:
        return False
    (only,) = a["properties"].values()
    return {key: value for key, value in only.items() if key not in ("default", "description")} == b


def _reason(path: tuple[str, ...], a: Any, b: Any) -> str:
    last = path[-1]
    if last == "additionalProperties" and (a, b) == (False, ABSENT):
        return "open" if len(path) == 1 else UNEXPLAINED
    if last == "additionalProperties" and (a, b) == (ABSENT, False):
        return "closed"
    if last == "required" and isinstance(b, list) and (a == ABSENT or set(a) < set(b)):
        return "required"
    if last == "default" and (a, b) == (None, ABSENT):
        return "null"
    if last in ("anyOf", "oneOf", "discriminator"):
        return "tags"
    if last == "description" and b == ABSENT:
        return "text"
    return "nearer" if last == "description" and ABSENT not in (a, b) else UNEXPLAINED


def table(rows: list[Row]) -> str:
    """Every signature, a column for each library."""
    names = list(dict.fromkeys(row.peer for row in rows))
    cells = {(row.name, row.peer): row.cell for row in rows}
    lines = [f"| signature | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for name in dict.fromkeys(row.name for row in rows):
        lines.append(f"| `{name}` | {' | '.join(cells[name, peer] for peer in names)} |")
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """How many are identical, equal in meaning and different, and each difference with its reason and its places."""
    lines = ["| library | identical | equal in meaning | differ | most often by |", "|---|--:|--:|--:|---|"]
    for peer in dict.fromkeys(row.peer for row in rows):
        mine = [row for row in rows if row.peer == peer]
        differ = [row for row in mine if row.reasons]
        same = sum(row.identical for row in mine)
        sets = [", ".join(row.reasons) for row in differ]
        often = max(set(sets), key=lambda one: (sets.count(one), one)) if sets else ""
        only = f"{often}: {sets.count(often)}" if sets else ""
        lines.append(f"| {peer} | {same} | {len(mine) - len(differ) - same} | {len(differ)} | {only} |")
    lines.append("")
    for reason, text in REASONS.items():
        if places := _places(rows, reason):
            lines.append(f"- **{reason}**: {text} {places}.")
    return "\n".join(lines)


def _places(rows: list[Row], reason: str) -> str:
    said = []
    for peer in dict.fromkeys(row.peer for row in rows):
        names = [f"`{row.name}`" for row in rows if row.peer == peer and reason in row.reasons]
        if names:
            said.append(f"{peer}: {', '.join(names) if len(names) <= 12 else f'{len(names)} signatures'}")
    return "; ".join(said)


def report() -> tuple[str, int]:
    """The Markdown, also written to TABLE, and how many rows hold a difference that nothing explains."""
    versions, found = peers()
    if not found:
        return "The libraries to compare with are not installed: run make bench once.", 0
    own = ours()
    rows = [row for peer, theirs in found.items() for row in compared(own, peer, theirs)]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    text = f"{len(own)} signatures; {said}.\n\n{summary(rows)}\n\n{table(rows)}\n"
    TABLE.write_text(f"# Schema fidelity\n\n{text}", encoding="utf-8")
    return text, sum(UNEXPLAINED in row.reasons for row in rows)
