"""Sees that the Swift on the PATH is recent enough."""

import re
import shutil
import subprocess
from typing import Optional, Tuple

from .problem import Problem

MINIMUM = (6, 1)
REMEDY = "install Swift 6.1 or newer from swift.org (or with swiftly, or Xcode 16.3 or newer) and put it on the PATH."


def parse_version(text: str) -> Optional[Tuple[int, int]]:
    found = re.search(r"Swift version (\d+)\.(\d+)", text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def check() -> None:
    expected = f"Swift {MINIMUM[0]}.{MINIMUM[1]} or newer."
    if shutil.which("swift") is None:
        raise Problem("there is no swift on the PATH.", expected, REMEDY)
    result = subprocess.run(
        ["swift", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    version = parse_version(result.stdout)
    if version is None:
        raise Problem(f"swift --version says: {result.stdout.strip()[:200]}", expected, REMEDY)
    if version < MINIMUM:
        raise Problem(f"swift is version {version[0]}.{version[1]} ({shutil.which('swift')}).", expected, REMEDY)
