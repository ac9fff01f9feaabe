"""Splits a text into numbered parts between paragraphs. A paragraph that is longer than a part stays whole.

Usage: python split_text.py report.txt [--words 1500] [--into parts]
"""

import argparse
import re
from pathlib import Path


def parts(text: str, words: int) -> list[str]:
    """Consecutive paragraphs of together at most that many words. A heading begins a part if it would end one."""
    done: list[list[str]] = [[]]
    size = 0
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        length = len(paragraph.split())
        if done[-1] and size + length > words:
            heading = [done[-1].pop()] if len(done[-1]) > 1 and done[-1][-1].startswith("#") else []
            done.append(heading)
            size = sum(len(one.split()) for one in heading)
        done[-1].append(paragraph)
        size += length
    return ["\n\n".join(one) for one in done]


def main() -> None:
    """Writes the parts and prints their names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--words", type=int, default=1500)
    parser.add_argument("--into", type=Path, default=Path("parts"))
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(parts(given.file.read_text(encoding="utf-8"), given.words), start=1):
        path = given.into / f"part-{number:03}.txt"
        path.write_text(part + "\n", encoding="utf-8")
        print(f"{path}: {len(part.split())} words")


if __name__ == "__main__":
    main()
