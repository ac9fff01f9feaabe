"""@skill: a function as a capability of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from orchestra.agents.bundled import bundled_root, find_bundled
from orchestra.skills.discovery import Found, Root, discover, roots
from orchestra.skills.files import load_skill
from orchestra.skills.skill import Skill
from orchestra.tools.nodes import Definition, F, attach


@overload
def skill(fn: F, /) -> F: ...
@overload
def skill(
    source: str | Path | None = None,
    /,
    *,
    name: str | None = None,
    provides: str | Sequence[str] | None = None,
    cost_usd: object = None,
    latency_s: float | None = None,
    timeout_s: float | None = None,
    side_effect: str | None = None,
    examples: Sequence[str] = (),
) -> Callable[[F], F]: ...
def skill(
    source: Callable[..., Any] | str | Path | None = None,
    /,
    *,
    name: str | None = None,
    provides: str | Sequence[str] | None = None,
    cost_usd: object = None,
    latency_s: float | None = None,
    timeout_s: float | None = None,
    side_effect: str | None = None,
    examples: Sequence[str] = (),
) -> Any:
    """Makes a function a skill, a tool that routers may bind to a capability, and returns that same function.

    Bare, or with ``provides``: the docstring's first paragraph is the description that routers and models read.
    ``@skill("path/to/folder")`` marks the code of a SKILL.md instead: name, description and cost hints come from there.
    A relative path starts at the folder of the function's module; a name without a slash is that of a shipped skill.
    Without ``provides`` it provides its own name. Its signature is its contract, as for @tool.

    Units: ``cost_usd`` in US dollars a call, charged on entry, also if it then fails; ``latency_s`` (what to expect at
    least) and ``timeout_s`` in seconds.
    Raises: BadDefinition for a name, signature or hint that cannot be used, and for a SKILL.md that breaks the
    standard; UnknownName for a skill that is not shipped; BadNumber.
    """
    options = Definition(name=name, provides=provides, timeout_s=timeout_s, side_effect=side_effect, examples=examples)
    costs = {key: value for key, value in (("cost_usd", cost_usd), ("latency_s", latency_s)) if value is not None}
    if callable(source):
        return _marked(source, None, options, costs)
    return lambda fn: _marked(fn, source, options, costs)


def _marked(fn: F, source: str | Path | None, options: Definition, costs: dict[str, Any]) -> F:
    if source is not None:
        # What was typed in a notebook has no file: then the path is relative to the working folder.
        module = Path(fn.__code__.co_filename) if hasattr(fn, "__code__") else Path()
        found = load_skill(skill_folder(source, module.parent if module.is_file() else Path()))
        options = replace(options, name=options.name or found.name, description=found.description)
        costs = {"cost_usd": found.cost_usd, "latency_s": found.latency_s, **costs}
    if options.provides is None:
        options = replace(options, provides=options.name or getattr(fn, "__name__", ""))
    return attach(fn, "tool", replace(options, **costs))


def skill_folder(source: str | Path, start: Path) -> Path:
    """The folder of a skill: a shipped one by its name, any other by a path, which begins at ``start`` if relative.

    Raises: UnknownName for a skill that is not shipped.
    """
    return find_bundled("skills", str(source)) if is_name(source) else start / source


def is_name(source: str | Path) -> bool:
    """Whether a skill is given by its name, and not by the path of its folder."""
    return isinstance(source, str) and not {"/", os.sep} & set(source)


def known_skills(folders: Sequence[Path] = (), *, project: Path | None = None, trust: bool = True) -> Found:
    """The skills that agents are given by name: those in the folders and in the project's usual places, which are left
    out without ``trust``, those in the user's home, and the shipped ones; of two of one name the first of these.
    """
    given = tuple(Root(folder=folder, scope="project") for folder in folders)
    shipped = Root(folder=bundled_root("skills"), scope="shipped")
    return discover((*given, *roots(project, Path.home()), shipped), trust=trust)


def skill_named(name: str) -> Skill:
    """The user's or the shipped skill of this name. Raises UnknownName."""
    return known_skills().named(name)
