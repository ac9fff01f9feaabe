"""Prompts: Jinja2 in a sandbox, strict about names."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_CHARACTERS = 1_000_000
MAX_RANGE = 10_000
_SYNTAX = ("{{", "{%", "{#")
_SHOWN = 60


def render(template: str, **names: Any) -> str:
    """The prompt with its names filled in; text without template syntax is returned as it is.

    The sandbox keeps a template from Python's inner attributes and from changing what it is given. Against a template
    that burns time or memory it is a guard, not a jail: ranges, repetitions and the output are limited (our defaults).

    Raises: BadDefinition for broken syntax, a name that is not there, a forbidden access, or too long an output.
    """
    if not _is_template(template):
        return template
    from jinja2.exceptions import SecurityError, UndefinedError

    parts: list[str] = []
    left = MAX_CHARACTERS
    try:
        for part in _compiled(template).generate(names):
            left -= len(part)
            if left < 0:
                raise BadDefinition(f"{_quoted(template)} grew over {MAX_CHARACTERS} characters.", remedy="Shorten it.")
            parts.append(part)
    except BadDefinition:
        raise
    except UndefinedError as error:
        raise BadDefinition(f"{_quoted(template)}: {error.message}.", remedy=_there_is(names)) from None
    except SecurityError as error:
        raise BadDefinition(f"{_quoted(template)} does what is not allowed: {error.message}.") from None
    except Exception as error:
        raise BadDefinition(f"{_quoted(template)} failed: {type(error).__name__}: {error}.") from error
    return "".join(parts)


def check(template: str, names: frozenset[str] | None = None) -> None:
    """What can be known before a run. Raises BadDefinition for broken syntax and for names other than ``names``."""
    if not _is_template(template):
        return
    from jinja2 import meta

    compiled = _compiled(template)
    if names is None:
        return
    unknown = meta.find_undeclared_variables(_environment().parse(template)) - names - set(compiled.globals)
    if unknown:
        raise BadDefinition(f"{_quoted(template)}: {', '.join(sorted(unknown))} is undefined.", remedy=_there_is(names))


def _is_template(text: str) -> bool:
    return any(mark in text for mark in _SYNTAX)


def _quoted(template: str) -> str:
    line = " ".join(template.split())
    return f"The prompt {line if len(line) <= _SHOWN else line[:_SHOWN] + '...'!r}"


def _there_is(names: Any) -> str:
    return f"A prompt may use {', '.join(sorted(names)) or 'no names here'}."


@lru_cache(maxsize=256)
def _compiled(template: str) -> Template:
    from jinja2 import TemplateSyntaxError

    if len(template) > MAX_CHARACTERS:
        raise BadDefinition(f"{_quoted(template)} is over {MAX_CHARACTERS} characters.", remedy="Shorten it.")
    try:
        return _environment().from_string(template)
    except TemplateSyntaxError as error:
        raise BadDefinition(f"{_quoted(template)}, line {error.lineno}: {error.message}.", line=error.lineno) from None
    except Exception as error:
        raise BadDefinition(f"{_quoted(template)} cannot be compiled: {type(error).__name__}: {error}.") from error


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        """Also refuses what makes much out of little in one step."""

        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**":
                raise SecurityError("** is not available in prompts")
            for one, times in ((left, right), (right, left)):
                if hasattr(one, "__len__") and isinstance(times, int) and len(one) * times > MAX_CHARACTERS:
                    raise SecurityError(f"a repetition of more than {MAX_CHARACTERS}")
            return super().call_binop(context, operator, left, right)

    environment = Sandbox(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    del environment.globals["lipsum"]
    environment.globals["range"] = _range
    return environment


def _range(*bounds: int) -> range:
    from jinja2.exceptions import SecurityError

    made = range(*bounds)
    if len(made) > MAX_RANGE:
        raise SecurityError(f"a range of more than {MAX_RANGE}")
    return made
