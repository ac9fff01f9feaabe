"""Names the citations of an answer that have no source in its list, and the sources that nothing cites.

Usage: python check_citations.py answer.md
"""

import re
import sys
from pathlib import Path

SOURCE = re.compile(r"^\s*\[(\d+)\]\s+\S", re.MULTILINE)
CITATION = re.compile(r"\[(\d+)\](?!\()")


def faults(text: str) -> list[str]:
    """What is wrong, in the order of the numbers; a line that begins with [n] belongs to the list."""
    listed = [int(number) for number in SOURCE.findall(text)]
    cited = {int(number) for number in CITATION.findall(SOURCE.sub("", text))}
    found = [(number, f"[{number}] is cited and not in the list") for number in cited - set(listed)]
    found += [(number, f"[{number}] is in the list and never cited") for number in set(listed) - cited]
    found += [(number, f"[{number}] is in the list twice") for number in set(listed) if listed.count(number) > 1]
    return [fault for _, fault in sorted(found)]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    said = faults(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print("\n".join(said) or "every citation has a source, every source is cited")
    sys.exit(bool(said))
