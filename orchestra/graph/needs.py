"""What has to be done before what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def circle(needs: Mapping[str, Sequence[str]]) -> list[str] | None:
    """One circle among vertices and what each needs, None if there is none. O(V + E), without recursion."""
    done: set[str] = set()
    for start in needs:
        way: dict[str, None] = {}
        todo = [(start, iter(needs[start]))] if start not in done else []
        if todo:
            way[start] = None
        while todo:
            here, rest = todo[-1]
            to = next(rest, None)
            if to is None:
                todo.pop()
                del way[here]
                done.add(here)
            elif to in way:
                return list(way)[list(way).index(to) :]
            elif to not in done:
                way[to] = None
                todo.append((to, iter(needs.get(to, ()))))
    return None
