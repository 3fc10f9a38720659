"""Files that are checked before they are believed, and appear whole or not at all."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Dict, Iterable, Iterator

from .problem import Problem


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def expect_sha256(path: Path, expected: str, remedy: str) -> None:
    """Throws a Problem that names both hashes unless the file has the expected one."""
    if not path.is_file():
        raise Problem(f"{path} is missing.", f"a file with SHA-256 {expected}.", remedy)
    actual = sha256(path)
    if actual != expected:
        raise Problem(f"{path} ({path.stat().st_size} bytes) has SHA-256 {actual}.", expected, remedy)


def write_json(path: Path, value: Dict) -> None:
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    os.replace(temporary, path)


def read_json(path: Path) -> Dict:
    """The object in a file that we wrote; empty where it is missing or damaged, so that it is made anew."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def fingerprint(paths: Iterable[Path], base: Path = Path()) -> Dict[str, list]:
    """Size and time of change of each file, through links: enough to see that a checked file is still that file.

    Paths inside `base` are recorded relative to it, so that the whole may be moved.
    """
    result = {}
    for path in paths:
        status = os.stat(path)
        name = path.relative_to(base) if base in path.parents else path
        result[str(name)] = [status.st_size, status.st_mtime_ns]
    return result


def unchanged(recorded: Dict[str, list], base: Path = Path()) -> bool:
    try:
        return bool(recorded) and all(
            list(fingerprint([base / name]).values()) == [status] for name, status in recorded.items())
    except OSError:
        return False


def replace_folder(new: Path, final: Path) -> None:
    """Puts a finished folder in the place of an older one."""
    aside = final.with_name(f"{final.name}.old-{os.getpid()}")
    if final.is_symlink():
        final.unlink()
    elif final.exists():
        os.replace(final, aside)
    os.replace(new, final)
    shutil.rmtree(aside, ignore_errors=True)


def replace_link(target: str, link: Path) -> None:
    temporary = link.with_name(f"{link.name}.new-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    os.symlink(target, temporary)
    os.replace(temporary, link)


@contextlib.contextmanager
def scratch_folder(deps: Path) -> Iterator[Path]:
    """A folder on the same file system as its destination, so that renaming into place is atomic."""
    deps.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="partial-", dir=deps))
    try:
        # mkdtemp's 0700 would hide what is renamed out of it from other users of the checkout.
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def exclusive(deps: Path) -> Iterator[None]:
    """Two makes in one checkout wait for each other."""
    deps.mkdir(parents=True, exist_ok=True)
    with open(deps / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
