"""What happens between a run's end and what is learned of it: failures, evaluators, feedback; off the serving path."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from orchestra.app.judging import Ask, Panel
from orchestra.app.learning import RUNTIME, Feedback, Learning, Lessons, failed_decisions, one_decision, used_decisions
from orchestra.app.result import Result
from orchestra.core.events import Event, Rewarded, RunStarted
from orchestra.core.outcome import cause_of
from orchestra.core.task import Task, task_of
from orchestra.runtime.background import Background
from orchestra.runtime.blocking import in_thread
from orchestra.telemetry.export import Tracing

JUDGEMENT = "judgement:"
"""What the source of a judge's own runs begins with."""

_log = logging.getLogger("orchestra.learning")


class Rewarding:
    """The rewards of a team's runs. While it is open they are learned, and answers judged, in tasks of their own."""

    def __init__(
        self,
        learning: Learning,
        panel: Panel,
        ask: Ask,
        tracing: Callable[[], Tracing | None],
        events: Callable[[str], Awaitable[Sequence[Event]]],
    ) -> None:
        self._learning, self._panel, self._ask = learning, panel, ask
        self._tracing, self._events = tracing, events
        self._failed: Counter[str] = Counter()
        self._dropped = 0
        self._teaching = Background(learning.rewards.queue, self._note)
        self._judging = Background(learning.rewards.queue, self._note)

    @property
    def lessons(self) -> Lessons:
        learning = self._learning
        return Lessons(
            queued=len(learning) + len(self._judging),
            learned=learning.learned,
            withheld=dict(learning.withheld),
            dropped=learning.dropped + self._dropped,
            failed=dict(self._failed),
            judged=self._panel.used,
        )

    async def open(self) -> None:
        await self._teaching.open()
        await self._judging.open()

    async def drain(self) -> None:
        """Returns when every run that has ended is judged and every reward had its turn."""
        await self._judging.drain()
        await self._teaching.drain()
        await self._learning.drain()

    async def aclose(self) -> None:
        try:
            await self._judging.aclose()
        finally:
            await self._teaching.aclose()

    async def feedback(self, run_id: str, reward: float, source: str, decision: str | None) -> int:
        """For how many decisions it is news. Raises as ``Learning.reward``, and UnknownName."""
        pick = used_decisions if decision is None else partial(one_decision, decision)
        news = await self._learning.reward(run_id, pick, reward, source)
        await self._export(run_id, news, source)
        return news

    async def settle(self, value: Any, result: Result, events: Sequence[Event], past: Sequence[Event]) -> None:
        """Decisions whose call failed by its own fault are worth 0; an answer is shown to the evaluators.

        ``value`` is what the run was given, ``events`` are those of its last part. Raises what the store raises, where
        that is waited for.
        """
        failed = failed_decisions(events, past)
        if failed:
            told = Feedback(
                run_id=result.run_id, pick=lambda _: failed, reward=0.0, source=RUNTIME, known=result.events
            )
            await self._teach([told])
        if result.status == "done" and self._panel.names and not _is_judgement(events):
            job = partial(self._evaluate, task_of(value), result)
            if not self._judging.here:
                await job()
            elif not self._judging.put(job):
                self._dropped += 1

    async def refresh(self) -> None:
        """Has what other processes learned read, where it is time. Raises StateUnusable, if it is waited for."""
        if self._learning.due and not (self._teaching.here and self._teaching.put(self._learning.refresh)):
            await self._learning.refresh()

    async def _evaluate(self, task: Task, result: Result) -> None:
        told = []
        for name in self._panel.names:
            feedback = Feedback(
                run_id=result.run_id, pick=used_decisions, reward=None, source=name, known=result.events
            )
            try:
                verdict = await self._panel.verdict(name, self._ask, task, result)
            except Exception as error:
                feedback.why = f"it failed: {cause_of(error).kind}"
                self._note(error, name)
            else:
                if verdict is None:
                    continue
                feedback.reward, feedback.confidence = verdict
            told.append(feedback)
        await self._teach(told)

    async def _teach(self, told: Sequence[Feedback]) -> None:
        taken = [feedback for feedback in told if self._learning.offer(feedback)]
        if not (self._teaching.here and self._teaching.put(partial(self._taught, taken))):
            await self._taught(taken)

    async def _taught(self, told: Sequence[Feedback]) -> None:
        await self._learning.drain()
        for feedback in told:
            if feedback.error is not None:
                raise feedback.error
            await self._export(feedback.run_id, feedback.news, feedback.source)

    async def _export(self, run_id: str, new: int, source: str) -> None:
        """Shows the last rewards of a run, so many of this source, to whoever traces."""
        tracing = self._tracing()
        if new and tracing is not None and tracing.logs is not None:
            events = await self._events(run_id)
            given = [event for event in events if isinstance(event, Rewarded) and event.source == source]
            await in_thread(tracing.judge, run_id, events, given[-new:])

    def _note(self, error: Exception, who: str = "") -> None:
        kind = cause_of(error).kind
        self._failed[kind] += 1
        _log.warning("%s: %s", who or "a reward", kind)  # its words may hold content


def _is_judgement(events: Sequence[Event]) -> bool:
    return any(isinstance(event, RunStarted) and event.workflow.startswith(JUDGEMENT) for event in events)
