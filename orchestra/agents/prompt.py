"""Prompts: Jinja2 in a sandbox, strict about names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_CHARACTERS = 1_000_000
MAX_RANGE = 10_000
MAX_NUMBER = 10**30
MAX_WRITTEN = 4 * MAX_CHARACTERS
MAX_PRODUCT = 20 * MAX_CHARACTERS
MULTIPLYING = frozenset({"expandtabs", "indent", "join", "replace", "translate"})
MAX_STEPS = 100_000
"""How many turns of loops and calls one rendering may take. Our default."""
_SYNTAX = ("{{", "{%", "{#")
_SHOWN = 60
_WIDTH = re.compile(r"\d{7,}|%[^%A-Za-z]*\*|\{[^{}]+\{")
_WIDE_FILTERS = frozenset({"batch", "center", "indent", "slice", "tojson", "truncate", "urlize", "wordwrap"})


@dataclass(slots=True)
class _Spent:
    """What one rendering took so far."""

    steps: int = 0
    characters: int = 0


_spent: ContextVar[_Spent] = ContextVar("what the rendering took so far")


def render(template: str, **names: Any) -> str:
    """The prompt with its names filled in; text without template syntax is returned as it is.

    The sandbox keeps a template from Python's inner attributes and from changing what it is given. Against a template
    that burns time or memory it is a guard, not a jail: loops, calls, ranges, every text and number on the way and the
    output are limited (our defaults).

    Raises: BadDefinition for broken syntax, a name that is not there, a forbidden access, or too long an output.
    """
    if not _is_template(template):
        return template
    from jinja2.exceptions import SecurityError, UndefinedError

    parts: list[str] = []
    left = MAX_CHARACTERS
    _spent.set(_Spent())
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
    from jinja2 import StrictUndefined, nodes
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        """Also refuses what makes much out of little in one step, and what never ends."""

        intercepted_binops = frozenset({"+", "*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "**":
                raise SecurityError("** is not available in prompts")
            if operator == "%" and isinstance(left, str):
                raise SecurityError("% is not available for texts in prompts; join them with ~")
            if operator == "*":
                for one, times in ((left, right), (right, left)):
                    if hasattr(one, "__len__") and isinstance(times, int) and len(one) * times > MAX_CHARACTERS:
                        raise SecurityError(f"a repetition of more than {MAX_CHARACTERS}")
            return _bounded(super().call_binop(context, operator, left, right))

        def call(self, context: Any, fn: Any, /, *args: Any, **named: Any) -> Any:
            _step()
            # Numbers given to a macro or a format are values; given to a text's method they are widths.
            if isinstance(getattr(fn, "__self__", None), (str, bytes)):
                _bounded_arguments(*args, *named.values())
            if getattr(fn, "__name__", "") in MULTIPLYING:
                _bounded_product(getattr(fn, "__self__", None), *args, *named.values())
            return _bounded(super().call(context, fn, *args, **named))

        def wrap_str_format(self, value: Any) -> Any:
            wrapped = super().wrap_str_format(value)
            if wrapped is not None:
                _check_format(value.__self__)
            return wrapped

        def _generate(self, source: Any, *args: Any, **named: Any) -> Any:
            for loop in source.find_all(nodes.For):
                loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None)
            # What is joined or written, into a variable too, passes no other door.
            for written in source.find_all((nodes.Concat, nodes.Output)):
                written.nodes = [
                    one if isinstance(one, nodes.TemplateData) else nodes.Filter(one, "written", [], [], None, None)
                    for one in written.nodes
                ]
            source.set_environment(self)
            return super()._generate(source, *args, **named)

    environment = Sandbox(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.filters = {name: _limited(name, fn) for name, fn in environment.filters.items()}
    environment.filters |= {"counted": _counted, "written": _written}
    del environment.globals["lipsum"]
    environment.globals["range"] = _range
    return environment


def _range(*bounds: int) -> range:
    from jinja2.exceptions import SecurityError

    made = range(*bounds)
    if len(made) > MAX_RANGE:
        raise SecurityError(f"a range of more than {MAX_RANGE}")
    return made


def _step() -> None:
    from jinja2.exceptions import SecurityError

    spent = _spent.get()
    spent.steps += 1
    if spent.steps > MAX_STEPS:
        raise SecurityError(f"more than {MAX_STEPS} turns of loops and calls")


def _counted(items: Any) -> Iterator[Any]:
    for item in items:
        _step()
        yield item


def _written(value: Any) -> Any:
    from jinja2.exceptions import SecurityError

    if isinstance(value, str):
        spent = _spent.get()
        spent.characters += len(value)
        if spent.characters > MAX_WRITTEN:
            raise SecurityError(f"more than {MAX_WRITTEN} characters in all that is written or joined")
    return value


def _bounded(value: Any) -> Any:
    """The value, if it is no giant."""
    from jinja2.exceptions import SecurityError

    large = isinstance(value, (str, bytes, list, tuple, dict)) and len(value) > MAX_CHARACTERS
    if large or (isinstance(value, int) and abs(value) > MAX_NUMBER):
        raise SecurityError(f"a value larger than {MAX_CHARACTERS} items or {MAX_NUMBER:.0e}")
    return value


def _bounded_arguments(*given: Any) -> None:
    """No width and no count of millions."""
    from jinja2.exceptions import SecurityError

    if any(isinstance(one, int) and abs(one) > MAX_CHARACTERS for one in given):
        raise SecurityError(f"a width or count of more than {MAX_CHARACTERS}")


def _bounded_product(*given: Any) -> None:
    """Nothing is put into a text so often, or so much of it, that a giant comes out."""
    from jinja2.exceptions import SecurityError

    sizes = sorted(map(_size, given))
    if len(sizes) > 1 and sizes[-1] * sizes[-2] > MAX_PRODUCT:
        raise SecurityError(f"a text that could grow over {MAX_PRODUCT} characters")


def _size(one: Any) -> int:
    if isinstance(one, dict):
        return max(map(_size, one.values()), default=0)
    if isinstance(one, (list, tuple)):
        return sum(len(item) + 1 if isinstance(item, str) else 1 for item in one)
    return len(one) if isinstance(one, (str, bytes)) else abs(one) if isinstance(one, int) else 1


def _check_format(text: Any) -> None:
    from jinja2.exceptions import SecurityError

    if _WIDTH.search(str(text)):
        raise SecurityError("a format with a width of millions, or one inside another")


def _limited(name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose arguments and result are bounded; the marks that Jinja2 put on it stay."""

    @wraps(fn)
    def filtered(*args: Any, **named: Any) -> Any:
        if name == "format":
            _check_format(args[0])
        elif name in _WIDE_FILTERS:
            _bounded_arguments(*args, *named.values())
        if name in MULTIPLYING:
            _bounded_product(*args, *named.values())
        return _bounded(fn(*args, **named))

    return filtered
