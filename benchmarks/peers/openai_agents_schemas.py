"""openai-agents: the schemas it makes of the signatures, with its strict mode off and on. Prints one JSON object."""

import json
from importlib.metadata import version

from agents import RunContextWrapper, function_tool
from benchmarks import signatures


def schema_of(fn, strict):
    try:
        return function_tool(fn, strict_mode=strict).params_json_schema
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    signatures.Context = RunContextWrapper
    names = {"openai-agents": False, "openai-agents, strict": True}
    made = {
        name: {fn.__name__: schema_of(fn, strict) for fn in signatures.SIGNATURES} for name, strict in names.items()
    }
    print(json.dumps({"version": version("openai-agents"), "schemas": made}))
