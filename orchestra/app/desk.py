"""What persons do with runs that wait: see what is asked, answer, have a run undone."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from orchestra.app.learning import Lessons
from orchestra.app.queue import Pending, pending, record
from orchestra.app.result import Result
from orchestra.core.budget import UNLIMITED, Budget
from orchestra.core.catalog import Catalog
from orchestra.core.errors import JournalMissing
from orchestra.runtime.blocking import Door
from orchestra.runtime.writer import Writer

if TYPE_CHECKING:
    from orchestra.app.team import Team
    from orchestra.runtime.flight import Flight


class Desk:
    """The part of an Orchestra that persons use, and its blocking doors."""

    catalog: Catalog
    _team: Team
    _flight: Flight
    _door: Door

    resume: Callable[..., Coroutine[Any, Any, Result]]
    feedback: Callable[..., Coroutine[Any, Any, int]]

    @property
    def lessons(self) -> Lessons:
        """What became of the rewards so far: queued, learned, withheld, dropped, failed, and what judging cost."""
        return self._team.rewarding.lessons

    async def learned(self) -> None:
        """Returns when every run that has ended is judged, and every reward had its turn."""
        await self._team.rewarding.drain()

    async def asks(self) -> list[Pending]:
        """What all paused runs in the store ask, the oldest question first: approvals, questions of user code, steps
        that nobody could do, effects of which it is not known whether they happened. Other processes see the same.

        Answer with ``resume(run_id, answers={key: value})``, or with ``answer`` where the workflow is not known here.
        Raises: JournalMissing without state, StateUnusable.
        """
        writer = self._stored()
        return await writer.call(lambda: pending(writer.store))

    async def answer(self, run_id: str, answers: Mapping[str, Any]) -> list[str]:
        """Writes answers down, as JSON, for when the run is resumed, here or elsewhere; the last one to a question
        counts. An answer is for the pause that it was given to: a question that is asked again later is open again.

        Raises: UnknownRun, JournalMissing, StateUnusable, NotSerialisable; BadInput for what the run does not ask, and
        for an approval that is answered by neither yes nor no.
        """
        writer, now = self._stored(), self._team.services.clock.now()
        plain = {key: self._team.services.codec.plain(value) for key, value in answers.items()}
        return await writer.call(lambda: record(writer.store, run_id, plain, now))

    def _stored(self) -> Writer:
        writer = self._team.writer
        if writer is None:
            raise JournalMissing("Without state no run waits for anybody.")
        return writer

    async def abandon(
        self, run_id: str, *, deps: Any = None, budget: Budget | None = None, answers: Mapping[str, Any] | None = None
    ) -> Result:
        """Gives a run up that is not done: what it did to the world is undone by the ``compensate=`` of who did it, the
        last effect first. Each is called once, whatever happens in between; the first that fails ends it, and
        ``abandon`` again goes on there. An effect that may have happened is asked for: the result is then paused.

        The status is 'abandoned' once all is undone; the output names what was undone, left (it declares no
        compensation) and not done. Such a run cannot be resumed; while it is being undone, ``resume`` goes on undoing.

        Raises: JournalMissing, UnknownRun, JournalVersion, Abandoned; BadInput for a run that is done or under way.
        """
        with self._flight.boarded() as catalog:
            return await self._team.abandon(
                run_id, catalog=catalog, deps=deps, budget=budget or UNLIMITED, answers=answers or {}
            )

    def asks_sync(self) -> list[Pending]:
        """``asks`` for code without an event loop."""
        return self._door.call(self.asks)

    def answer_sync(self, run_id: str, answers: Mapping[str, Any]) -> list[str]:
        """``answer`` for code without an event loop."""
        return self._door.call(lambda: self.answer(run_id, answers))

    def abandon_sync(self, run_id: str, **options: Any) -> Result:
        """``abandon`` for code without an event loop."""
        return self._door.call(lambda: self.abandon(run_id, **options))

    def resume_sync(self, run_id: str, **options: Any) -> Result:
        """``resume`` for code without an event loop."""
        return self._door.call(lambda: self.resume(run_id, **options))

    def feedback_sync(self, run_id: str, reward: float, **options: Any) -> int:
        """``feedback`` for code without an event loop."""
        return self._door.call(lambda: self.feedback(run_id, reward, **options))
