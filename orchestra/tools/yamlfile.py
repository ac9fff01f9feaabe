"""Definition files: confined to a folder, capped in size, YAML without surprises, every fault with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchestra.core.errors import BadDefinition

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES = 256 * 1024
Place = tuple[str | int, ...]
"""The way to a value: keys of mappings and indexes of lists."""


def refuse(path: Path, line: int | None, key: str | None, problem: str) -> NoReturn:
    """Raises BadDefinition that names the file, the line and the field."""
    place = "".join([path.name, f", line {line}" if line else "", f", field {key!r}" if key else ""])
    what = f"{place}: {problem.rstrip('.')}."
    raise BadDefinition(what, remedy="Correct the file.", path=str(path), line=line, key=key)


def confined(path: str | Path, root: str | Path) -> Path:
    """The file of that path, which must lie below ``root``, also when links are followed. Raises BadDefinition."""
    try:
        folder = Path(root).resolve(strict=True)
        found = (folder / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BadDefinition(f"{str(path)!r} cannot be opened: {error}.", remedy="Check the path.") from None
    if not found.is_relative_to(folder):
        raise BadDefinition(f"{str(path)!r} lies outside its folder.", remedy="Move the file into the folder.")
    if not found.is_file():
        raise BadDefinition(f"{str(path)!r} is not a file.", remedy="Name one file.")
    return found


def read(path: Path) -> str:
    """The text of a file of at most 256 KiB. Raises BadDefinition."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            refuse(path, None, None, f"it is larger than {MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(path, data.count(b"\n", 0, error.start) + 1, None, "it is not UTF-8")
    except OSError as error:
        refuse(path, None, None, f"it cannot be read: {error.strerror}")


def mapping(text: str, path: Path, *, what: str = "it", first_line: int = 1) -> tuple[dict[str, Any], dict[Place, int]]:
    """A YAML mapping as a dict, and the line in the file of every key and item.

    ``what`` is how messages call the text, ``first_line`` where it begins in the file. Aliases and repeated keys are
    refused.

    Raises: BadDefinition.
    """
    import yaml

    try:
        return _parsed(text, path, what, first_line)
    except BadDefinition:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        refuse(path, mark.line + first_line if mark else None, None, f"{what} is not YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + first_line
        refuse(path, line, None, f"{what} is not YAML: {error.reason}")
    except Exception as error:
        # A hostile file can make the parser raise almost anything: RecursionError, ValueError, KeyError.
        refuse(path, None, None, f"{what} is not YAML: {type(error).__name__}: {error}")


def _parsed(text: str, path: Path, what: str, first_line: int) -> tuple[dict[str, Any], dict[Place, int]]:
    import yaml

    loader = _loader()(text)
    node = loader.get_single_node()
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        refuse(path, first_line, None, f"{what} is not a mapping of fields to values")
    lines: dict[Place, int] = {}
    _note(node, (), lines, path, first_line)
    return loader.construct_document(node), lines


def _note(node: Any, place: Place, lines: dict[Place, int], path: Path, first_line: int) -> None:
    """Notes the line of every key and item below a node."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*place, index)] = item.start_mark.line + first_line
            _note(item, (*place, index), lines, path, first_line)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + first_line
            if not isinstance(key, yaml.ScalarNode):
                refuse(path, line, None, "a key is not text")
            if (*place, key.value) in lines:
                refuse(path, line, ".".join(map(str, (*place, key.value))), "it is given twice")
            lines[(*place, key.value)] = line
            _note(value, (*place, key.value), lines, path, first_line)


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


def line_of(place: Sequence[str | int], lines: Mapping[Place, int]) -> int:
    """The line of the nearest thing on the way to a place that is written in the file."""
    for end in range(len(place), 0, -1):
        if tuple(place[:end]) in lines:
            return lines[tuple(place[:end])]
    return 1


def first_problem(error: ValidationError, lines: Mapping[Place, int]) -> tuple[Place, str, str]:
    """Where the first fault lies in the file, its type, and what all faults of that place say.

    What pydantic calls the branches of a union is no part of the place.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    places = [_written(one["loc"], lines, one["type"] == "missing") for one in found]
    here = (one["msg"] for place, one in zip(places, found, strict=True) if place == places[0])
    said = dict.fromkeys(text.removeprefix("Value error, ") for text in here)
    return places[0], found[0]["type"], ", or ".join(said)


def _written(loc: Place, lines: Mapping[Place, int], missing: bool) -> Place:
    place: Place = ()
    for part in loc:
        if (*place, part) in lines:
            place = (*place, part)
    return (*place, loc[-1]) if missing else place
