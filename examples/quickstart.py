"""One agent with a tool and a typed answer, then feedback. The model is scripted: no key, no server, no account.

To run it on a real model, drop ``models=`` and name one that you have, for example ``model="local:smollm2"``.
"""

from __future__ import annotations

from pydantic import BaseModel

from orchestra import Agent, Orchestra, tool
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted

MILES_TO_KILOMETRES = 1.609344


class Distance(BaseModel):
    """What the agent has to answer."""

    kilometres: float
    from_miles: float


@tool(idempotent=True)
def to_kilometres(miles: float) -> float:
    """Converts miles to kilometres.

    Args:
        miles: the distance in miles
    """
    return miles * MILES_TO_KILOMETRES


converter = Agent(
    "converter",
    "Converts distances.",
    instructions="Convert the distance. Use the tool; never compute yourself.",
    model="test:scripted",
    tools=[to_kilometres],
    output_type=Distance,
)


def main() -> None:
    """Runs the agent, prints what it answered and why it was chosen, and rewards it."""
    model = Scripted(
        ToolCall(id="1", name="to_kilometres", arguments={"miles": 26.2}),
        '{"kilometres": 42.16, "from_miles": 26.2}',
    )
    team = Orchestra(agents=[converter], models={"test:scripted": model})
    try:
        result = team.run_sync("How far are 26.2 miles?", output_type=Distance)
        distance: Distance = result.output
        print(f"{distance.from_miles} miles are {distance.kilometres} km")
        print(result.explain())
        print("decisions rewarded:", team.feedback_sync(result.run_id, 1.0))
    finally:
        team.close()


if __name__ == "__main__":
    main()
