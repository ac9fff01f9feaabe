"""The first tier as text: what a model reads in order to choose a skill."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from orchestra.skills.parse import MAX_DESCRIPTION
from orchestra.skills.skill import Skill


def catalogue_entry(skill: Skill) -> str:
    """One line with the name and the description, which is cut at 1024 characters.

    Both are escaped: they can neither close the element nor open a Jinja2 expression, and hold no control characters.
    """
    return f'<skill name="{_escaped(skill.name)}">{_escaped(skill.description[:MAX_DESCRIPTION])}</skill>'


def catalogue_text(skills: Iterable[Skill]) -> str:
    """The entries as one element; nothing for no skills."""
    entries = "\n".join(catalogue_entry(skill) for skill in skills)
    return f"<skills>\n{entries}\n</skills>" if entries else ""


def _escaped(text: str) -> str:
    printable = "".join(one if one.isprintable() else " " for one in text)
    return escape(" ".join(printable.split())).replace("{", "&#123;")
