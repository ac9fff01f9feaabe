"""agno: its Workflow of function steps and its Agent over a model that answers at once.

``python -m benchmarks.peers.agno_agent workflow|agent``
"""

import asyncio
import os
import sys
from functools import cache
from importlib.metadata import version

os.environ["AGNO_TELEMETRY"] = "false"

from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.workflow import Parallel, Step, StepOutput, Workflow

from benchmarks.worker import Gate, serve

gate = Gate()


class Instant(Model):
    """Answers with one word, after ``delay_s``; at the gate if there is one."""

    def __init__(self, delay_s=0.0, gate=None):
        super().__init__(id="instant")
        self.delay_s, self.gate = delay_s, gate

    def invoke(self, *args, **kwargs):
        return ModelResponse(content="hello", role="assistant")

    async def ainvoke(self, *args, **kwargs):
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.gate is not None:
            await self.gate.wait()
        return ModelResponse(content="hello", role="assistant")

    def invoke_stream(self, *args, **kwargs):
        raise NotImplementedError

    def ainvoke_stream(self, *args, **kwargs):
        raise NotImplementedError

    def _parse_provider_response(self, response, **kwargs):
        return response

    def _parse_provider_response_delta(self, response):
        return response


@cache
def agent(delay_s=0.0, gate=None):
    return Agent(model=Instant(delay_s, gate), telemetry=False)


async def answer(step_input):
    return StepOutput(content=step_input.previous_step_content or step_input.input)


async def ten_ms(step_input):
    await asyncio.sleep(0.01)
    return StepOutput(content="hello")


async def waiting(step_input):
    await gate.wait()
    return StepOutput(content="hello")


def steps(n, fn):
    return [Step(name=f"step{i}", executor=fn) for i in range(n)]


@cache
def line(n, fn):
    return Workflow(name="line", steps=steps(n, fn), telemetry=False)


@cache
def spread(n, fn):
    return Workflow(name="spread", steps=[Parallel(*steps(n, fn), name="all")], telemetry=False)


async def workflow_chain(n):
    await line(n, answer).arun(input="hello")


async def workflow_fanout(n):
    await spread(n, answer).arun(input="hello")


async def workflow_wait(n):
    await spread(n, waiting).arun(input="hello")


async def workflow_runs(n):
    await asyncio.gather(*[line(1, ten_ms).arun(input="hello") for _ in range(n)])


async def agent_chain(n):
    text = "hello"
    for _ in range(n):
        text = (await agent().arun(text)).content


async def agent_fanout(n):
    await asyncio.gather(*[agent().arun(str(i)) for i in range(n)])


async def agent_wait(n):
    await asyncio.gather(*[agent(0.0, gate).arun(str(i)) for i in range(n)])


async def agent_runs(n):
    await asyncio.gather(*[agent(0.01).arun("hello") for _ in range(n)])


if __name__ == "__main__":
    kind = sys.argv.pop(1)
    named = [name for name in dict(globals()) if name.startswith(f"{kind}_")]
    serve({name.split("_")[1]: globals()[name] for name in named}, gate, {"agno": version("agno")})
