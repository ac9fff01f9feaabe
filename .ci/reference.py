"""How the API reference shows docstrings, records and errors: an extension of griffe, which reads the code for it."""

import ast
import html
import re
from collections.abc import Iterator
from typing import Any

import griffe

LABELS = re.compile(r"^(Shapes|Units|Raises|Source): *", re.MULTILINE)
RECORDS = {"NamedTuple", "BaseModel"}
ERRORS = {f"orchestra.core.{name}" for name in ("fault", "config_errors", "run_errors", "model_errors")}


def readable(text: str) -> str:
    """The docstring with what comes after a label as a paragraph of its own."""
    return LABELS.sub(lambda found: f"\n**{found[1]}**: ", text)


def classes(package: griffe.Module | griffe.Class) -> Iterator[griffe.Class]:
    """Every class below a package, those of other modules that it only imports left out."""
    for member in list(package.members.values()):
        if isinstance(member, griffe.Module | griffe.Class):
            yield from classes(member)
            if isinstance(member, griffe.Class):
                yield member


def bases(cls: griffe.Class) -> set[str]:
    """The last parts of the names of all that a class is made from."""
    above = {name for one in cls.resolved_bases if isinstance(one, griffe.Class) for name in bases(one)}
    return above | {str(base).rpartition(".")[2] for base in cls.bases}


def code(value: Any) -> str:
    """Code in a cell of a table, where a bar between backticks would end the cell."""
    return f"<code>{html.escape(str(value)).replace('|', '&#124;')}</code>"


def default_of(value: Any) -> tuple[str, str]:
    """(default, description) as a field's value says them, which may be a pydantic Field."""
    if value is None:
        return "", ""
    node = ast.parse(str(value), mode="eval").body
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field"):
        return code(value), ""
    said = {keyword.arg: keyword.value for keyword in node.keywords}
    default = code(ast.unparse(said["default"])) if "default" in said else ""
    return default, str(ast.literal_eval(said["description"])) if "description" in said else ""


def table(cls: griffe.Class) -> str:
    """The fields of a record as a Markdown table, inherited ones first; none for a class without fields."""
    members: dict[str, Any] = {**cls.inherited_members, **cls.members}
    fields = {
        name: one
        for name, one in members.items()
        if one.is_attribute and one.annotation and "property" not in one.labels and not name.startswith("_")
    }
    if not fields:
        return ""
    rows = [(code(name), code(type_of(one.annotation)), *default_of(one.value)) for name, one in fields.items()]
    columns = 4 if any(row[3] for row in rows) else 3
    head = [("Field", "Type", "Default", "What it says"), ("---",) * 4]
    lines = [" | ".join(row[:columns]) for row in [*head, *rows]]
    return "\n".join(["", "", *(f"| {line} |" for line in lines)])


def remedy(cls: griffe.Class) -> str:
    """What an error says to do, as a paragraph."""
    said: Any = cls.members.get("remedy")
    text = ast.literal_eval(str(said.value)) if said is not None and said.value is not None else ""
    return f"\n\n**Remedy**: {html.escape(text, quote=False)}" if text else ""


class Plain(ast.NodeTransformer):
    """A type without what is noted beside it."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        noted = isinstance(node.value, ast.Name) and node.value.id == "Annotated" and isinstance(node.slice, ast.Tuple)
        return node.slice.elts[0] if noted and isinstance(node.slice, ast.Tuple) else node


def type_of(annotation: Any) -> str:
    return ast.unparse(Plain().visit(ast.parse(str(annotation), mode="eval")))


class Reference(griffe.Extension):
    """Run once, when the whole package has been read."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        found = list(classes(pkg))
        added = {cls.path: table(cls) for cls in found if bases(cls) & RECORDS}
        for cls in found:
            fields = [one for one in cls.members.values() if one.is_attribute]
            if cls.path in added or "dataclass" in cls.labels:  # the table or the signature says it already
                for one in fields:
                    if one.docstring is None or "BaseModel" in bases(cls):
                        del cls.members[one.name]
            if cls.path.rpartition(".")[0] in ERRORS:
                added[cls.path] = remedy(cls)
            if added.get(cls.path):
                text = cls.docstring.value if cls.docstring else ""
                cls.docstring = griffe.Docstring((text + added[cls.path]).strip(), parent=cls)
        for one in documented(pkg):
            one.docstring.value = readable(one.docstring.value)


def documented(thing: Any) -> Iterator[Any]:
    """Everything below that has a docstring."""
    if thing.docstring is not None:
        yield thing
    for member in list(thing.members.values()):
        if not member.is_alias:
            yield from documented(member)
