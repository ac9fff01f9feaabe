"""The YAML at the head of a SKILL.md: its fields with their lines. No object is constructed from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from orchestra.core.errors import BadDefinition

MAX_MATTER = 32 * 1024
_FENCE = "---"
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value as it was written: numbers and dates stay text, as the standard's values are strings.

    ``parts`` holds the fields of a mapping by key, those of a list under empty keys.
    """

    line: int
    kind: Literal["text", "nothing", "list", "mapping"]
    text: str = ""
    parts: tuple[tuple[str, Field], ...] = ()


def split(text: str) -> tuple[str, str]:
    """The front matter and the body of a SKILL.md. Raises BadDefinition without a place."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        raise _unreadable(1, "it does not begin with front matter: a line ---, then YAML, then a line ---")
    for at, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:at]), "\n".join(lines[at + 1 :])
    raise _unreadable(1, "its front matter is not closed by a line ---")


def fields(matter: str) -> tuple[tuple[str, Field], ...]:
    """The fields in the order in which they stand, repeated ones too. Raises BadDefinition with the ``line``."""
    import yaml

    if len(matter) > MAX_MATTER:
        raise _unreadable(1, f"its front matter is longer than {MAX_MATTER} characters")
    try:
        node = _loader()(matter).get_single_node()
        if node is None:
            return ()
        if not isinstance(node, yaml.MappingNode):
            raise _unreadable(2, "its front matter is not a mapping of fields to values")
        return _field(node).parts
    except BadDefinition:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "; quote a value that holds ': '" if "mapping values" in str(error.problem) else ""
        raise _unreadable(mark.line + 2 if mark else None, f"{error.problem}{hint}", yaml=True) from None
    except yaml.reader.ReaderError as error:
        raise _unreadable(matter.count("\n", 0, error.position) + 2, str(error.reason), yaml=True) from None
    except Exception as error:
        # A hostile file can make the parser raise almost anything: RecursionError, ValueError, KeyError.
        raise _unreadable(None, type(error).__name__, yaml=True) from None


def _unreadable(line: int | None, problem: str, *, yaml: bool = False) -> BadDefinition:
    return BadDefinition(f"its front matter is not YAML: {problem}" if yaml else problem, line=line)


def _field(node: Any) -> Field:
    import yaml

    line = node.start_mark.line + 2
    if isinstance(node, yaml.ScalarNode):
        kind: Literal["text", "nothing"] = "nothing" if node.tag == _NULL else "text"
        return Field(line=line, kind=kind, text=_text(node))
    if isinstance(node, yaml.SequenceNode):
        return Field(line=line, kind="list", parts=tuple(("", _field(one)) for one in node.value))
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _unreadable(key.start_mark.line + 2, "a key is not text")
    return Field(line=line, kind="mapping", parts=tuple((_text(key), _field(one)) for key, one in node.value))


def _text(node: Any) -> str:
    text: str = node.value
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unreadable(node.start_mark.line + 2, "half of a surrogate pair is no text") from None
    return text


@lru_cache(maxsize=1)
def _loader() -> Any:
    import yaml

    class PlainLoader(yaml.SafeLoader):
        """Without aliases: a few lines of them can stand for gigabytes."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                event: Any = self.get_event()  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=event.start_mark)
            return super().compose_node(parent, index)

    return PlainLoader
