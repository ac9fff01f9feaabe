"""The roster of watched folders: an agent file that appears joins the team, one that goes leaves it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from orchestra.agents.files import AgentFile, load_agent_file
from orchestra.agents.skill import skill_named
from orchestra.connectors.folder import LOOK_S, RETRY_S, Folder, Mark, Watch
from orchestra.core.catalog import Catalog, Node
from orchestra.core.errors import DuplicateName, OrchestraError
from orchestra.skills.skill import Skill

_log = logging.getLogger("orchestra.folders")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a file of a watched folder, or the folder itself, is not used as it is. What was there before stays.

    ``line`` and ``field`` say where in the file, None where it is not about one place.
    """

    path: Path
    error: OrchestraError
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.error}"


class Member(NamedTuple):
    """An agent that a file brought in."""

    file: AgentFile
    node: Node


class Folders:
    """Keeps the catalogue as the folders say. Blocks while it looks; nothing that lies in a folder makes it raise.

    ``node_of`` makes a node of a file and says what is wrong with it, ``named`` finds a skill by its name; ``change``
    replaces the catalogue by what the function that it is given makes of it, while nobody else changes it; ``now_s`` is
    the time since 1970. What one look finds is one change: files that come together are seen together.
    """

    def __init__(
        self,
        node_of: Callable[[AgentFile], Node],
        change: Callable[[Callable[[Catalog], Catalog]], None],
        now_s: Callable[[], float],
        named: Callable[[str], Skill] = skill_named,
    ) -> None:
        self._node_of, self._change, self._now_s, self._named = node_of, change, now_s, named
        self._lock = threading.Lock()
        self._folders: list[Folder] = []
        self._members: dict[Path, Member] = {}
        self._problems: dict[Path, Problem] = {}
        self.watch: Watch | None = None

    @property
    def unwatched(self) -> bool:
        """Whether somebody has to look before a run begins."""
        return bool(self._folders) and self.watch is None

    async def open(self) -> None:
        """Watches from now on, if there is a folder."""
        if self.unwatched:
            watch = Watch(self.look)
            await watch.__aenter__()
            self.watch = watch

    async def aclose(self) -> None:
        watch, self.watch = self.watch, None
        if watch is not None:
            await watch.__aexit__(None, None, None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        with self._lock:
            return tuple(problem for _, problem in sorted(self._problems.items()))

    def add(self, path: str | Path) -> None:
        """A folder that is there already is not added again. Raises BadDefinition."""
        folder = Folder(path)
        with self._lock:
            if all(folder.path != known.path for known in self._folders):
                self._folders.append(folder)
        self.settle()

    def settle(self) -> None:
        """Looks, and once more a moment later where a file was too fresh to be taken."""
        self.look()
        if any(folder.pending for folder in self._folders):
            time.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        with self._lock:
            now_s = self._now_s()
            read: dict[Path, tuple[Folder, Member]] = {}
            gone: list[Path] = []
            for folder in self._folders:
                try:
                    seen = folder.look(now_s)
                except OSError as error:
                    self._refused(folder.path, OrchestraError(f"The folder cannot be listed: {error}."))
                    continue
                self._problems.pop(folder.path, None)
                gone += seen.gone
                for path, mark in seen.ready:
                    member = self._read(folder, path, mark, now_s)
                    if member is not None:
                        read[path] = folder, member
            if read or gone:
                self._change(lambda catalog: self._applied(catalog, read, gone, now_s))

    def _read(self, folder: Folder, path: Path, mark: Mark, now_s: float) -> Member | None:
        try:
            file = load_agent_file(path, folder.path, self._named)
            node = self._node_of(file)
        except Exception as error:
            if folder.mark(path) == mark:
                self._refused(path, error)
            folder.again(path, now_s + RETRY_S)
            return None
        if folder.mark(path) != mark:  # it was written to while it was read: the next looks decide
            folder.again(path, now_s)
            return None
        return Member(file, node)

    def _applied(
        self, catalog: Catalog, read: dict[Path, tuple[Folder, Member]], gone: list[Path], now_s: float
    ) -> Catalog:
        for path in gone:
            self._problems.pop(path, None)
            catalog = self._left(catalog, path)
            self._members.pop(path, None)
        for path, (folder, member) in read.items():
            old = self._members.get(path)
            if old is not None and old.file == member.file and path not in self._problems:
                continue  # it was touched, no more
            try:
                catalog = self._joined(catalog, path, member)
            except DuplicateName as error:
                self._refused(path, error)
                folder.again(path, now_s + RETRY_S)
            else:
                self._members[path] = member
                self._problems.pop(path, None)
        return catalog

    def _joined(self, catalog: Catalog, path: Path, member: Member) -> Catalog:
        name, old = member.node.name, self._members.get(path)
        if old is not None and old.node.name == name and catalog.nodes.get(name) is old.node:
            return catalog.with_node(member.node, replace=True)
        if name in catalog.nodes:
            others = [str(other) for other, held in self._members.items() if catalog.nodes[name] is held.node]
            raise DuplicateName(
                f"{path.name}, field 'name': {name!r} is taken by {', '.join(others) or 'a member given in code'}.",
                remedy="Give the agent another name.",
            )
        return self._left(catalog, path).with_node(member.node)

    def _left(self, catalog: Catalog, path: Path) -> Catalog:
        """Without the agent that the file brought in; one that code has removed or replaced since is not touched."""
        member = self._members.get(path)
        if member is None or catalog.nodes.get(member.node.name) is not member.node:
            return catalog
        return catalog.without(member.node.name)

    def _refused(self, path: Path, error: Exception) -> None:
        if not isinstance(error, OrchestraError):
            error = OrchestraError(f"{path.name}: {type(error).__name__}: {error}.")
        before = self._problems.get(path)
        if before is None or str(before.error) != str(error):
            place = error.facts
            problem = Problem(path=path, error=error, line=place.get("line"), field=place.get("key"))
            self._problems[path] = problem
            _log.warning("%s", problem)
