"""Leaves the four files of Fashion-MNIST in .deps/fashion-mnist, each checked by its hash.

In this order: RENORM_DATA/fashion-mnist, Debian's package where it is installed, the same package installed (as
root) or downloaded and unpacked inside the checkout (as another user).
"""

import os
from pathlib import Path
from typing import List

from . import clients
from .files import expect_sha256, fingerprint, read_json, replace_folder, scratch_folder, unchanged, write_json
from .problem import Problem

PACKAGE = "dataset-fashion-mnist"
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
FILES = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}


def provide(deps: Path) -> str:
    """Makes .deps/fashion-mnist good and returns one line about it; quick where it already is."""
    chosen = deps / "fashion-mnist"
    record = read_json(chosen / "source.json")
    if set(FILES) <= set(map(os.path.basename, record.get("files", {}))) and unchanged(record["files"], deps):
        return record["summary"]
    remedy = (
        f"put the four files ({', '.join(FILES)})\n    of Fashion-MNIST into {chosen}, or into fashion-mnist inside "
        "a folder that RENORM_DATA names, and run make again.")
    for folder in _existing(chosen):
        if has_all(folder):
            return _choose(deps, folder, f"Fashion-MNIST from {folder}", _remedy_for(folder, remedy))
    if not clients.has_apt():
        raise Problem(
            "Fashion-MNIST is not on this machine.", f"its files, or APT to fetch Debian's {PACKAGE}.", remedy)
    if clients.is_root():
        clients.apt_install([PACKAGE], remedy)
        return _choose(deps, INSTALLED, "Fashion-MNIST, installed", _remedy_for(INSTALLED, remedy))
    with scratch_folder(deps) as folder:
        clients.apt_unpack([PACKAGE], deps, folder / "root", remedy)
        unpacked = folder / "root" / INSTALLED.relative_to("/")
        check(unpacked, remedy)
        replace_folder(unpacked, deps / "fashion-mnist")
    return _choose(deps, chosen, "Fashion-MNIST, downloaded", remedy)


def _existing(chosen: Path) -> List[Path]:
    named = os.environ.get("RENORM_DATA", "")
    return [chosen] + ([Path(named).expanduser() / "fashion-mnist"] if named else []) + [INSTALLED]


def _remedy_for(folder: Path, remedy: str) -> str:
    if folder == INSTALLED:
        return f"as root: apt-get install --reinstall {PACKAGE}; or {remedy}"
    return f"delete {folder} and run make again; or {remedy}"


def has_all(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def check(folder: Path, remedy: str) -> None:
    for name, digest in FILES.items():
        expect_sha256(folder / name, digest, remedy)


def _choose(deps: Path, source: Path, summary: str, remedy: str) -> str:
    check(source, remedy)
    final = deps / "fashion-mnist"
    if source != final:
        with scratch_folder(deps) as folder:
            new = folder / "links"
            new.mkdir()
            for name in FILES:
                os.symlink((source / name).resolve(), new / name)
            replace_folder(new, final)
    files = fingerprint((final / name for name in FILES), deps)
    write_json(final / "source.json", {"files": files, "summary": summary})
    clients.say(summary)
    return summary
