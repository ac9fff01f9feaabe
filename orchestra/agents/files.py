"""Agents as files: YAML front matter and a Jinja2 prompt. Data only; nothing in a file is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchestra.agents.prompt import check
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.money import nano
from orchestra.tools.nodes import checked_name

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES = 256 * 1024
PROMPT_NAMES = frozenset({"task"})
_FENCE = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFile:
    """What a file says; the fields are those of Agent, ``tools`` by name, ``cost_usd`` as it was written.

    Units: ``cost_usd`` in US dollars, ``latency_s`` and ``timeout_s`` in seconds.
    """

    name: str
    description: str
    instructions: str
    provides: tuple[str, ...] | None = None
    model: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    output_type: Any = None
    max_tokens: int = 512
    temperature: float | None = None
    max_turns: int = 8
    cost_usd: float | str = 0
    latency_s: float = 0.0
    timeout_s: float | None = None
    examples: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    path: Path


def load_agent_file(path: str | Path, root: str | Path) -> AgentFile:
    """Reads an agent from ``path``, which must lie below ``root``, also when links are followed.

    A relative path is taken from ``root``. The name defaults to the file's; aliases and repeated keys are refused.

    Raises: BadDefinition that names the file, the line and the field.
    """
    found = _confined(path, root)
    matter, first_line, body = _split(_read(found), found)
    data, lines = _mapping(matter, found)
    said = _validated(data, lines, found)
    said["name"] = said["name"] or found.stem
    for key, problem in (("name", checked_name), ("cost_usd", nano)):
        try:
            problem(said[key])
        except (BadDefinition, BadNumber) as error:
            _refuse(found, lines.get(key, 1), key, error.what)
    if not body.strip():
        _refuse(found, first_line, None, "the prompt below the front matter is missing")
    try:
        check(body, PROMPT_NAMES)
    except BadDefinition as error:
        _refuse(found, first_line + error.facts.get("line", 1) - 1, None, error.what)
    return AgentFile(instructions=body.strip(), path=found, **said)


def _refuse(path: Path, line: int | None, key: str | None, problem: str) -> NoReturn:
    place = "".join([path.name, f", line {line}" if line else "", f", field {key!r}" if key else ""])
    what = f"{place}: {problem.rstrip('.')}."
    raise BadDefinition(what, remedy="Correct the file.", path=str(path), line=line, key=key)


def _confined(path: str | Path, root: str | Path) -> Path:
    try:
        folder = Path(root).resolve(strict=True)
        found = (folder / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BadDefinition(f"{str(path)!r} cannot be opened: {error}.", remedy="Check the path.") from None
    if not found.is_relative_to(folder):
        raise BadDefinition(f"{str(path)!r} lies outside its folder.", remedy="Move the file into the folder.")
    if not found.is_file():
        raise BadDefinition(f"{str(path)!r} is not a file.", remedy="Name one Markdown file.")
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            _refuse(path, None, None, f"it is larger than {MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(path, data.count(b"\n", 0, error.start) + 1, None, "it is not UTF-8")
    except OSError as error:
        _refuse(path, None, None, f"it cannot be read: {error.strerror}")


def _split(text: str, path: Path) -> tuple[str, int, str]:
    """The front matter, the line that the prompt begins at, and the prompt."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        _refuse(path, 1, None, "it does not begin with front matter: a line ---, then YAML, then a line ---")
    for at, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:at]), at + 2, "\n".join(lines[at + 1 :])
    _refuse(path, 1, None, "its front matter is not closed by a line ---")


def _mapping(text: str, path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The front matter as a dict, and the line of each key in the file."""
    import yaml

    try:
        return _parsed(text, path)
    except BadDefinition:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(path, mark.line + 2 if mark else None, None, f"its front matter is not YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 2
        _refuse(path, line, None, f"its front matter is not YAML: {error.reason}")
    except Exception as error:
        # A hostile file can make the parser raise almost anything: RecursionError, ValueError, KeyError.
        _refuse(path, None, None, f"its front matter is not YAML: {type(error).__name__}: {error}")


def _parsed(text: str, path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    import yaml

    loader = _loader()(text)
    node = loader.get_single_node()
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        _refuse(path, 2, None, "its front matter is not a mapping of fields to values")
    lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 2
        if not isinstance(key, yaml.ScalarNode):
            _refuse(path, line, None, "a key is not text")
        if key.value in lines:
            _refuse(path, line, key.value, "it is given twice")
        lines[key.value] = line
    return loader.construct_document(node), lines


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


def _validated(data: dict[str, Any], lines: Mapping[str, int], path: Path) -> dict[str, Any]:
    """The fields of AgentFile that the front matter gives."""
    from pydantic import ValidationError

    from orchestra.agents.front_matter import FrontMatter

    try:
        matter = FrontMatter.model_validate(data)
    except ValidationError as error:
        _refuse_field(error, lines, path)
    said = {key: tuple(value) if isinstance(value, list) else value for key, value in matter if key != "output"}
    for key in ("provides", "model"):
        said[key] = (said[key],) if isinstance(said[key], str) else said[key]
    return {**said, "model": said["model"] or (), "output_type": matter.output_type}


def _refuse_field(error: ValidationError, lines: Mapping[str, int], path: Path) -> NoReturn:
    from orchestra.agents.front_matter import FrontMatter

    found = error.errors(include_url=False, include_input=False, include_context=False)
    key = str(found[0]["loc"][0])
    said = dict.fromkeys(one["msg"] for one in found if str(one["loc"][0]) == key)
    problem = ", or ".join(said)
    if found[0]["type"] == "extra_forbidden":
        problem = f"there is no such field; there are {', '.join(FrontMatter.model_fields)}"
    _refuse(path, lines.get(key, 1), key, problem)
