"""orchestra.toml, and finding a team by name."""

from __future__ import annotations

import importlib
import sys
import tomllib
import traceback
from pathlib import Path
from typing import Any

from orchestra.app.orchestra import Orchestra
from orchestra.core.errors import BadDefinition, OrchestraError

FILE = "orchestra.toml"


def team_named(place: str | None, folder: Path) -> Orchestra:
    """The team at ``module:attribute``, or the one that ``[app] team`` of orchestra.toml names.

    The attribute is an Orchestra or a function that makes one; the folder is put on the import path. Raises
    BadDefinition, which says where the module went wrong, and what the team's own constructor raises.
    """
    if place is None and (place := configured(folder)) is None:
        raise BadDefinition("No team is named.", remedy=f"Pass --app module:attribute, or write [app] team in {FILE}.")
    module_name, colon, attribute = place.partition(":")
    if not colon or not module_name or not attribute:
        raise BadDefinition(
            f"{place!r} names no team.", remedy="Write it as module:attribute, for example shop.team:team."
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        team = _made(module_name, attribute, place)
    except OrchestraError:
        raise
    except Exception as error:
        raise BadDefinition(f"The team {place!r} cannot be made: {_where(error)}.", remedy="Correct it.") from error
    if not isinstance(team, Orchestra):
        raise BadDefinition(f"{place!r} is a {type(team).__name__}, not an Orchestra.", remedy="Name the team itself.")
    return team


def configured(folder: Path) -> str | None:
    """What orchestra.toml says, None where there is no such file. Raises BadDefinition."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadDefinition(f"{path} cannot be read: {error}.", remedy="Correct the file.") from None
    app = content.get("app")
    place = app.get("team") if isinstance(app, dict) else None
    if not isinstance(place, str):
        raise BadDefinition(f"{path} has no [app] team.", remedy='Add: [app] and below it team = "module:attribute"')
    return place


def _made(module_name: str, attribute: str, place: str) -> Any:
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise BadDefinition(f"There is no module {error.name!r}.", remedy="Check --app and the folder.") from None
        raise
    if not hasattr(module, attribute):
        raise BadDefinition(f"{module_name} has no {attribute!r}.", remedy=f"Correct {place!r}.")
    found = getattr(module, attribute)
    return found() if callable(found) else found


def _where(error: Exception) -> str:
    """The error with the last place in user code that it passed."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return what
    inside = Path(__file__).parent.parent
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and not Path(frame.filename).is_relative_to(inside)
    ]
    theirs = [frame for frame in frames if "importlib" not in frame.filename]
    return f"{theirs[-1].filename}:{theirs[-1].lineno}: {what}" if theirs else what
