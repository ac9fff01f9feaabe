import runpy
from pathlib import Path


def test_other_weights_are_refused(tmp_path: Path, repository: Path) -> None:
    complaint = runpy.run_path(str(repository / ".ci/check_weights.py"))["complaint"]
    assert "missing" in complaint(tmp_path / "weights.gguf")
    (tmp_path / "weights.gguf").write_bytes(b"something else")
    assert "sha256" in complaint(tmp_path / "weights.gguf")
