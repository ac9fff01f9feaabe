"""A router is learned, taken out as a file, served by another team, and compared with what became of it.

The answers are made up and so are the rewards: short questions go well with the quick agent, long ones with the careful
one.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from orchestra import Orchestra, agent
from orchestra.app.policies import difference, exported, pinned, unpinned
from orchestra.app.policy import read_policy, write_policy
from orchestra.ports.router import Router
from orchestra.routing.compositions.flags import Flags

SHORT, LONG = "What is two and two?", "Compare the two contracts clause by clause and list what differs."


@agent(provides="answer", cost_usd=0.001)
def quick(text: str) -> str:
    return "quick"


@agent(provides="answer", cost_usd=0.02)
def careful(text: str) -> str:
    return "careful"


def team(state: Path | None, router: str | Router = "linucb") -> Orchestra:
    return Orchestra(agents=[quick, careful], router=router, state=state)


def taught(one: Orchestra, times: int) -> None:
    """Asks both questions and rewards who fits."""
    for n in range(times):
        for text, right in ((SHORT, "quick"), (LONG, "careful")):
            result = one.run_sync(text, to="answer", seed=n)
            one.feedback_sync(result.run_id, float(result.output == right))


def chosen(one: Orchestra, weights: dict[str, float] | None = None) -> str:
    return ", ".join(one.route(text, to="answer", weights=weights).chosen[0] for text in (SHORT, LONG))


def main() -> None:
    """Exports, serves, pins and compares."""
    with TemporaryDirectory() as folder:
        file, state = Path(folder, "monday.json"), Path(folder, "team.db")
        first = team(state)
        taught(first, 6)
        write_policy(exported(first, by="the example"), file)
        print("learned:", chosen(first))
        second = team(None, f"policy:{file}")
        print("served from the file:", chosen(second), "by", second.route(SHORT).policy.partition("@")[0])
        print("where cost counts:", chosen(second, weights={"cost": 3.0}))
        pinned(first, read_policy(file))
        taught(first, 3)
        print("pinned, so nothing was learned:", difference(read_policy(file), exported(first))["same"])
        unpinned(first)
        taught(first, 3)
        found = difference(read_policy(file), exported(first))
        print("rewards in the file and now:", [sum(row["pulls"][i] for row in found["options"]) for i in (0, 1)])
        flagged = team(None, Flags("linucb", cost=3.0))
        print("flags for all runs:", chosen(flagged))
        for one in (first, second, flagged):
            one.close()


if __name__ == "__main__":
    main()
