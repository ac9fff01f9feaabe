"""orchestra.toml, and finding a team by name."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from typing import Any

from orchestra.app.orchestra import Orchestra
from orchestra.core.errors import BadDefinition

FILE = "orchestra.toml"


def team_named(place: str | None, folder: Path) -> Orchestra:
    """The team at ``module:attribute``, or the one that ``[app] team`` of orchestra.toml names.

    The attribute is an Orchestra or a function that makes one; the folder is put on the import path. Raises
    BadDefinition.
    """
    place = place or _configured(folder)
    module_name, colon, attribute = place.partition(":")
    if not colon or not module_name or not attribute:
        raise BadDefinition(
            f"{place!r} names no team.", remedy="Write it as module:attribute, for example shop.team:team."
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found: Any = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise BadDefinition(
            f"The team {place!r} cannot be imported: {error}.", remedy="Check --app and the folder."
        ) from error
    team = found() if callable(found) else found
    if not isinstance(team, Orchestra):
        raise BadDefinition(f"{place!r} is a {type(team).__name__}, not an Orchestra.", remedy="Name the team itself.")
    return team


def _configured(folder: Path) -> str:
    path = folder / FILE
    if not path.is_file():
        raise BadDefinition("No team is named.", remedy=f"Pass --app module:attribute, or write [app] team in {FILE}.")
    try:
        place = tomllib.loads(path.read_text(encoding="utf-8")).get("app", {}).get("team")
    except tomllib.TOMLDecodeError as error:
        raise BadDefinition(f"{path}: {error}.", remedy="Correct the file.") from None
    if not isinstance(place, str):
        raise BadDefinition(f"{path} has no [app] team.", remedy='Add: [app]\nteam = "module:attribute"')
    return place
