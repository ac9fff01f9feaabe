"""pydantic-ai: the schemas it makes of the signatures. Prints one JSON object."""

import json
from importlib.metadata import version

from pydantic_ai import RunContext, Tool

from benchmarks import signatures


def schema_of(fn):
    try:
        return Tool(fn).tool_def.parameters_json_schema
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    signatures.Context = RunContext
    made = {fn.__name__: schema_of(fn) for fn in signatures.SIGNATURES}
    print(json.dumps({"version": version("pydantic-ai-slim"), "schemas": {"pydantic-ai": made}}))
