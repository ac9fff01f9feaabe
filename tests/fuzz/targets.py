"""The targets by name."""

from __future__ import annotations

from tests.fuzz import agent_files, model_replies, skill_folders, stored_rows, tool_arguments, topology_files
from tests.fuzz.oracle import Target

TARGETS: dict[str, Target] = {
    "agents": agent_files.target,
    "skills": skill_folders.target,
    "topologies": topology_files.target,
    "tools": tool_arguments.target,
    "replies": model_replies.target,
    "rows": stored_rows.target,
}
