"""Where a wrong key stands in a file that people write."""

import re
from collections.abc import Mapping
from pathlib import Path


def fault(path: Path, text: str, key: str, said: str) -> str:
    """One fault in a file of ours: its line, the key (dotted), and what is wrong with it."""
    return " ".join(filter(None, [f"{path}:{_line(text, key)}:", key, said]))


def _line(text: str, wanted: str) -> int:
    """The line of a key, else of its table, else the first."""
    table, found = "", 1
    arrays: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)([^\[\]]+)\]", line):
            name = re.sub(r'[ "]', "", header[2])
            if name == wanted:
                return number
            if header[1] == "[[":
                arrays[name] = arrays.get(name, -1) + 1
            table = here = _numbered(name, arrays)
        elif entry := re.match(r'\s*([\w." -]+?)\s*=', line):
            here = ".".join(filter(None, [table, re.sub(r'[ "]', "", entry[1])]))
        else:
            continue
        if here == wanted:
            return number
        if wanted.startswith(f"{here}."):  # its table, also an inline one
            found = number
    return found


def _numbered(table: str, arrays: Mapping[str, int]) -> str:
    """A table's name with the numbers of the arrays of tables that it lies in."""
    parts = table.split(".")
    heads = (".".join(parts[: n + 1]) for n in range(len(parts)))
    return ".".join(
        f"{part}.{arrays[head]}" if head in arrays else part
        for part, head in zip(parts, heads, strict=True)
    )
