"""Rules as files: YAML. Data only; nothing in a file is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition
from orchestra.routing.rules.rules import Rules
from orchestra.tools.yamlfile import Place, confined, first_problem, line_of, mapping, read, refuse

if TYPE_CHECKING:
    from pydantic import ValidationError


def load_rules_file(path: str | Path, root: str | Path | None = None) -> Rules:
    """Reads a router of rules from ``path``; with a ``root`` the file must lie below it, also when links are followed.

    Aliases and repeated keys are refused. The patterns in it are regular expressions that are tried on every text: as
    with code, use files of people you trust.

    Raises: BadDefinition that names the file, the line and the field.
    """
    given = Path(path)
    found = confined(given.name, given.parent) if root is None else confined(path, root)
    data, lines = mapping(read(found), found)
    from pydantic import ValidationError

    from orchestra.routing.rules.rule_form import RulesForm, built

    try:
        form = RulesForm.model_validate(data)
    except ValidationError as error:
        place, problem = _fault(error, lines)
        refuse(found, line_of(place, lines), ".".join(map(str, place)) or None, problem)
    try:
        return built(form, f"rules:{found.stem}")
    except BadDefinition as error:
        place = error.facts["at"]
        refuse(found, line_of(place, lines), ".".join(map(str, place)), error.what)


def rules_from(data: Mapping[str, Any], name: str = "rules") -> Rules:
    """A router of the same form from a mapping. Raises BadDefinition that names the field."""
    from pydantic import ValidationError

    from orchestra.routing.rules.rule_form import RulesForm, built

    try:
        form = RulesForm.model_validate(dict(data))
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise BadDefinition(f"field {place!r}: {error.errors()[0]['msg']}", remedy="Correct the mapping.") from None
    return built(form, name)


def _fault(error: ValidationError, lines: Mapping[Place, int]) -> tuple[Place, str]:
    place, fault, problem = first_problem(error, lines)
    if fault == "extra_forbidden":
        problem = "there is no such field"
    elif fault.startswith("union_tag"):
        problem = "its kind is none of those known"
    return place, problem.removeprefix("Value error, ")
