"""orchestra.toml, and finding a team by name."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from orchestra.app.orchestra import Orchestra
from orchestra.app.settings import FILE, AppTable, folders_of, settings_in
from orchestra.core.errors import BadDefinition, OrchestraError
from orchestra.skills.discovery import roots


def team_named(place: str | None, folder: Path) -> Orchestra:
    """The team at ``module:attribute``, or the one that ``[app] team`` of orchestra.toml names. The agent files of
    ``[agents] folders`` there join it, and find the project's skills by name: who runs its code trusts the project.

    The attribute is an Orchestra or a function that makes one; the folder is put on the import path. Raises
    BadDefinition, which says where the module or orchestra.toml went wrong, and what the team's constructor raises.
    """
    settings = settings_in(folder)
    agents, skills = (folders_of(table.folders, folder) for table in (settings.agents, settings.skills))
    if place is None:
        place = _configured(settings.app, folder)
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
    for one in (*skills, *(root.folder for root in roots(project=folder) if root.folder.is_dir())):
        team.add_skills(one)
    for one in agents:
        team.add_folder(one)
    return team


def _configured(app: AppTable | None, folder: Path) -> str:
    if app is not None:
        return app.team
    said = f"{FILE} has no [app] table" if (folder / FILE).is_file() else f"there is no {FILE} in {folder}"
    raise BadDefinition(
        f"No team is named: {said}.",
        remedy=f'Pass --app module:attribute, or write to {FILE}: [app] and below it team = "module:attribute".',
    )


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
