"""Things that are fetched by name, each put into its folder whole or not at all, and made only where it is not there."""

from pathlib import Path
from typing import Callable, Iterable, List, Sequence

from . import clients
from .files import fingerprint, read_json, replace_folder, scratch_folder, unchanged, write_json
from .problem import Problem


def provide(known: Iterable[str], names: Sequence[str], make: Callable[[str], None]) -> None:
    """Makes the named ones, or all; those that cannot be made do not stop the others."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Problem(
            f"there is no set {', '.join(unknown)}.", f"of {', '.join(known)}.", "correct SETS, or leave it out for all.")
    failed: List[str] = []
    for name in names or known:
        try:
            make(name)
        except Problem as problem:
            failed.append(f"{name}: {problem}")
    if failed:
        raise Problem("\n".join(failed), "each set's package.", "see above, set by set.")


def provide_folder(
        deps: Path, folder: Path, record_file: Path, edition: int, make: Callable[[Path, Path], None]) -> Path:
    """The folder, made if it is not there or was changed; quick where it is. `make` is given an empty folder to fill and another to
    work in. What was made is recorded beside the folder, so that nothing else is in it."""
    record = read_json(record_file)
    if record.get("edition") == edition and unchanged(record.get("files", {}), folder):
        return folder
    with scratch_folder(deps) as scratch:
        made = scratch / "made"
        made.mkdir()
        make(made, scratch)
        folder.parent.mkdir(parents=True, exist_ok=True)
        record_file.parent.mkdir(parents=True, exist_ok=True)
        replace_folder(made, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    write_json(record_file, {"edition": edition, "files": fingerprint(files, folder)})
    return folder


def contents(record_file: Path) -> str:
    """How many files were made, and how large they are."""
    sizes = [size for size, _ in read_json(record_file)["files"].values()]
    return f"{len(sizes):,} file{'' if len(sizes) == 1 else 's'}, {sum(sizes) / 1e6:,.1f} MB"
