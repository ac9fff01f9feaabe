"""The root of the package's errors."""

from __future__ import annotations

from typing import Any, ClassVar


def _revive(cls: type[OrchestraError], what: str, fix: str, facts: dict[str, Any]) -> OrchestraError:
    return cls(what, remedy=fix, **facts)


class OrchestraError(Exception):
    """The root. ``what`` happened, ``fix`` says what to do, ``facts`` are its details as plain values."""

    remedy: ClassVar[str] = ""

    def __init__(self, what: str = "", *, remedy: str | None = None, **facts: Any) -> None:
        # Half a surrogate pair, as a name in a hostile file may hold, cannot be printed.
        self.what: str = what.encode("utf-8", "backslashreplace").decode()
        self.fix: str = type(self).remedy if remedy is None else remedy
        self.facts = facts
        super().__init__(self.what)

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.what, self.fix, self.facts)
