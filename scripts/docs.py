#!/usr/bin/env python3
"""Writes the documentation of all modules into one archive, and refuses links that lead nowhere.

The documentation compiler's own --warnings-as-errors would also demand a line for every parameter whose name already
says all, as soon as a comment explains one of them.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parent.parent
UNDOCUMENTED = {"RenormKernels", "RenormCLI"}
# Modules are compiled side by side and their words may meet in one line, so only what is surely wrong counts.
BROKEN_LINK = re.compile(r"^warning: .*(doesn't exist at|is ambiguous at|isn't a disambiguation for|Can't resolve)")


def broken_links(output: str) -> List[str]:
    """The compiler's warnings about links, each a paragraph with its place in the sources."""
    paragraphs = re.split(r"\n(?=warning: |error: )|\n\n", output)
    return [text for text in paragraphs if BROKEN_LINK.search(text)]


def main() -> int:
    destination, swift_command = ROOT / sys.argv[1], sys.argv[2:]
    modules = sorted(path.name for path in (ROOT / "Sources").glob("Renorm*") if path.name not in UNDOCUMENTED)
    shutil.rmtree(destination, ignore_errors=True)
    command = [
        *swift_command, "--allow-writing-to-directory", str(destination), "generate-documentation",
        "--enable-experimental-combined-documentation", "--output-path", str(destination)]
    for module in modules:
        command += ["--target", module]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        print(result.stdout)
        return 1
    found = broken_links(result.stdout)
    if found:
        print("\n\n".join(found), file=sys.stderr)
        return 1
    print(f"Documentation of {', '.join(modules)} is in {sys.argv[1]}. To read it:\n"
          f"  python3 -m http.server --directory {sys.argv[1]}\nand open localhost:8000/documentation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
