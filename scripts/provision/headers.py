"""Sees that a program can be compiled and linked against zlib and libpng.

Where that fails, root on Debian and Ubuntu gets the packages installed; another user gets them unpacked inside the
checkout, with .pc files in .deps/pkgconfig, which the Makefile shows to Swift's package manager.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

from . import clients
from .files import fingerprint, read_json, replace_folder, scratch_folder, unchanged, write_json
from .problem import Problem

PACKAGES = ["zlib1g-dev", "libpng-dev"]
PROGRAM = """
#include <zlib.h>
#include <png.h>
int main(void) { return zlibVersion() == 0 || png_access_version_number() == 0; }
"""
REMEDY = (
    "install the development packages of zlib and libpng (Debian and Ubuntu: zlib1g-dev libpng-dev; Fedora:\n"
    "    zlib-devel libpng-devel; macOS: brew install libpng), then run make again.")


def provide(deps: Path) -> str:
    """Makes the two libraries usable and returns one line about them; quick where they already are."""
    record = read_json(deps / "headers.json")
    if record.get("deps") == str(deps) and unchanged(record.get("files", {}), deps):
        return record["summary"]
    with scratch_folder(deps) as folder:
        for home in _homes(deps):
            headers, reason = _compiles(folder, home)
            if headers:
                _describe(deps, home)
                where = "of the system" if home is None else f"in {home}"
                return _record(deps, headers, f"zlib and libpng {where}")
    if not clients.has_apt():
        raise Problem(f"zlib and libpng cannot be used here:\n{reason}", "their headers and libraries.", REMEDY)
    if clients.is_root():
        clients.apt_install(PACKAGES, REMEDY)
        home, summary = None, "zlib and libpng, installed"
    else:
        home, summary = _unpack(deps), "zlib and libpng, downloaded"
    with scratch_folder(deps) as folder:
        headers, reason = _compiles(folder, home)
    if not headers:
        raise Problem(f"zlib and libpng cannot be used here:\n{reason}", "their headers and libraries.", REMEDY)
    _describe(deps, home)
    return _record(deps, headers, summary)


def _homes(deps: Path) -> List:
    """Folders with include and lib to try; None is the system's own."""
    brewed = [Path("/opt/homebrew/opt/libpng"), Path("/usr/local/opt/libpng")]
    unpacked = [deps / "sysroot"]
    return [None] + [home for home in (brewed if sys.platform == "darwin" else unpacked) if home.is_dir()]


def _compiler() -> str:
    beside_swift = os.path.dirname(os.path.realpath(shutil.which("swiftc") or "swiftc"))
    found = shutil.which("clang", path=beside_swift) or shutil.which("clang") or shutil.which("cc")
    if found is None:
        raise Problem(
            "there is no C compiler beside swiftc or on the PATH.", "Swift's own clang.",
            "install Swift 6.1 or newer from swift.org with all that its page for your system lists.")
    return found


def _compiles(folder: Path, home) -> Tuple[List[Path], str]:
    """The headers that a small program found, or else what the compiler said."""
    source, dependencies = folder / "check.c", folder / "check.d"
    source.write_text(PROGRAM)
    flags = [] if home is None else [f"-I{home}/include", f"-L{home}/lib"]
    libraries = ["-lpng", "-lz"] + (["-lm"] if sys.platform != "darwin" else [])
    command = [_compiler(), str(source), *flags, "-MD", "-MF", str(dependencies), "-o", str(folder / "check")]
    result = subprocess.run([*command, *libraries], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        return [], "\n".join("    " + line for line in result.stdout.strip().splitlines()[:6])
    words = dependencies.read_text().replace("\\\n", " ").replace("\\ ", "\0").split()
    names = [word.replace("\0", " ") for word in words]
    return [Path(name).absolute() for name in names if os.path.basename(name) in ("zlib.h", "png.h")], ""


def _unpack(deps: Path) -> Path:
    """Static libraries only: what is built needs nothing at run time, and links between packages do not matter."""
    home = deps / "sysroot"
    with scratch_folder(deps) as folder:
        clients.apt_unpack(PACKAGES, deps, folder / "root", REMEDY)
        new = folder / "sysroot"
        shutil.copytree(folder / "root" / "usr" / "include", new / "include")
        (new / "lib").mkdir()
        for archive in sorted((folder / "root" / "usr" / "lib").rglob("lib*.a")):
            shutil.copyfile(archive.resolve(), new / "lib" / archive.name)
        # Debian keeps zconf.h and png's configuration by architecture or version; all belong on one path.
        for nested in sorted((new / "include").glob("*-linux-gnu*")):
            shutil.copytree(nested, new / "include", dirs_exist_ok=True)
        replace_folder(new, home)
    return home


def pkg_config(name: str, home: Path, libraries: List[str]) -> str:
    """The text of a .pc file; spaces in paths are escaped as pkg-config wants it."""
    path = str(home).replace("\\", "\\\\").replace(" ", "\\ ")
    flags = " ".join(f"-l{library}" for library in libraries)
    return (
        f"Name: {name}\nDescription: {name} inside the checkout\nVersion: 1\n"
        f"Libs: -L{path}/lib {flags}\nCflags: -I{path}/include\n")


def _describe(deps: Path, home) -> None:
    folder = deps / "pkgconfig"
    if home is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "darwin":
        libraries: Dict[str, List[str]] = {"libpng": ["png"]}
    else:
        libraries = {"zlib": ["z"], "libpng": ["png", "z", "m"]}
    for name, names in libraries.items():
        (folder / f"{name}.pc").write_text(pkg_config(name, home, names))


def _record(deps: Path, headers: List[Path], summary: str) -> str:
    # The .pc files hold absolute paths, so a checkout that was moved has them written anew.
    write_json(
        deps / "headers.json", {"deps": str(deps), "files": fingerprint(headers, deps), "summary": summary})
    clients.say(summary)
    return summary
