"""Sees that a program can be compiled and linked against zlib, libpng, libjpeg-turbo and libwebp.

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

#: What pkg-config calls them -> what is linked, the libraries that a static one needs last.
LIBRARIES = {"zlib": ["z"], "libpng": ["png", "z", "m"], "libjpeg": ["jpeg"], "libwebp": ["webp", "m", "pthread"]}
#: Their names for brew; macOS has zlib itself.
FORMULAS = {"libpng": "libpng", "libjpeg": "jpeg-turbo", "libwebp": "webp"}
PACKAGES = ["zlib1g-dev", "libpng-dev", "libjpeg-dev", "libwebp-dev"]
# Other libraries called libjpeg cannot cut out a part of a picture.
PROGRAM = """
#include <stdio.h>
#include <zlib.h>
#include <png.h>
#include <jpeglib.h>
#include <webp/decode.h>
int main(void) {
    void (*cut)(j_decompress_ptr, JDIMENSION *, JDIMENSION *) = jpeg_crop_scanline;
    return zlibVersion() == 0 || png_access_version_number() == 0 || cut == 0 || WebPGetDecoderVersion() == 0;
}
"""
HEADERS = ("zlib.h", "png.h", "jpeglib.h", "decode.h")
REMEDY = (
    f"install the development packages of zlib, libpng, libjpeg-turbo and libwebp (Debian and Ubuntu:\n"
    f"    {' '.join(PACKAGES)}; Fedora: zlib-devel libpng-devel\n"
    f"    libjpeg-turbo-devel libwebp-devel; macOS: brew install {' '.join(FORMULAS.values())}), then run make again.")
NAMES = "zlib, libpng, libjpeg and libwebp"
#: Where each library's include and lib are, by its name for pkg-config; an empty one is the system's own.
Homes = Dict[str, Path]


def provide(deps: Path) -> str:
    """Makes the libraries usable and returns one line about them; quick where they already are."""
    record = read_json(deps / "headers.json")
    is_current = record.get("deps") == str(deps) and record.get("libraries") == list(LIBRARIES)
    if is_current and unchanged(record.get("files", {}), deps):
        return record["summary"]
    with scratch_folder(deps) as folder:
        for homes in _places(deps):
            headers, reason = _compiles(folder, homes)
            if headers:
                _describe(deps, homes)
                where = f"in {' and '.join(sorted({str(home) for home in homes.values()}))}" if homes else "of the system"
                return _record(deps, headers, f"{NAMES} {where}")
    if not clients.has_apt():
        raise Problem(f"{NAMES} cannot be used here:\n{reason}", "their headers and libraries.", REMEDY)
    if clients.is_root():
        clients.apt_install(PACKAGES, REMEDY)
        homes, summary = {}, f"{NAMES}, installed"
    else:
        homes, summary = _unpack(deps), f"{NAMES}, downloaded"
    with scratch_folder(deps) as folder:
        headers, reason = _compiles(folder, homes)
    if not headers:
        raise Problem(f"{NAMES} cannot be used here:\n{reason}", "their headers and libraries.", REMEDY)
    _describe(deps, homes)
    return _record(deps, headers, summary)


def _places(deps: Path) -> List[Homes]:
    """Where to look: first the system, whose compiler finds what it has."""
    if sys.platform == "darwin":
        others = [{name: Path(prefix, "opt", formula) for name, formula in FORMULAS.items()}
                  for prefix in ("/opt/homebrew", "/usr/local")]
    else:
        others = [_unpacked(deps)]
    return [{}] + [homes for homes in others if all(home.is_dir() for home in homes.values())]


def _unpacked(deps: Path) -> Homes:
    return {name: deps / "sysroot" for name in LIBRARIES}


def _compiler() -> str:
    beside_swift = os.path.dirname(os.path.realpath(shutil.which("swiftc") or "swiftc"))
    found = shutil.which("clang", path=beside_swift) or shutil.which("clang") or shutil.which("cc")
    if found is None:
        raise Problem(
            "there is no C compiler beside swiftc or on the PATH.", "Swift's own clang.",
            "install Swift 6.1 or newer from swift.org with all that its page for your system lists.")
    return found


def _compiles(folder: Path, homes: Homes) -> Tuple[List[Path], str]:
    """The headers that a small program found, or else what the compiler said."""
    source, dependencies = folder / "check.c", folder / "check.d"
    source.write_text(PROGRAM)
    flags = [flag for home in sorted(set(homes.values())) for flag in (f"-I{home}/include", f"-L{home}/lib")]
    libraries = ["-lwebp", "-ljpeg", "-lpng", "-lz"] + (["-lm", "-lpthread"] if sys.platform != "darwin" else [])
    command = [_compiler(), str(source), *flags, "-MD", "-MF", str(dependencies), "-o", str(folder / "check")]
    result = subprocess.run([*command, *libraries], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        return [], "\n".join("    " + line for line in result.stdout.strip().splitlines()[:6])
    words = dependencies.read_text().replace("\\\n", " ").replace("\\ ", "\0").split()
    names = [word.replace("\0", " ") for word in words]
    return [Path(name).absolute() for name in names if os.path.basename(name) in HEADERS], ""


def _unpack(deps: Path) -> Homes:
    """Static libraries only: what is built needs nothing at run time, and links between packages do not matter."""
    with scratch_folder(deps) as folder:
        clients.apt_unpack(_real_packages(), deps, folder / "root", REMEDY)
        new = folder / "sysroot"
        shutil.copytree(folder / "root" / "usr" / "include", new / "include")
        (new / "lib").mkdir()
        for archive in sorted((folder / "root" / "usr" / "lib").rglob("lib*.a")):
            shutil.copyfile(archive.resolve(), new / "lib" / archive.name)
        # Debian keeps zconf.h and png's configuration by architecture or version; all belong on one path.
        for nested in sorted((new / "include").glob("*-linux-gnu*")):
            shutil.copytree(nested, new / "include", dirs_exist_ok=True)
        replace_folder(new, deps / "sysroot")
    return _unpacked(deps)


def _real_packages() -> List[str]:
    """libjpeg-dev is empty and depends on what holds the files, which Debian and Ubuntu call differently."""
    system = Path("/etc/os-release")
    text = system.read_text() if system.is_file() else ""
    jpeg = "libjpeg-turbo8-dev" if "ubuntu" in text.lower() else "libjpeg62-turbo-dev"
    return [jpeg if package == "libjpeg-dev" else package for package in PACKAGES]


def pkg_config(name: str, home: Path, libraries: List[str]) -> str:
    """The text of a .pc file; spaces in paths are escaped as pkg-config wants it."""
    path = str(home).replace("\\", "\\\\").replace(" ", "\\ ")
    flags = " ".join(f"-l{library}" for library in libraries)
    return (
        f"Name: {name}\nDescription: {name} inside the checkout\nVersion: 1\n"
        f"Libs: -L{path}/lib {flags}\nCflags: -I{path}/include\n")


def _describe(deps: Path, homes: Homes) -> None:
    folder = deps / "pkgconfig"
    shutil.rmtree(folder, ignore_errors=True)
    for name, home in homes.items():
        folder.mkdir(parents=True, exist_ok=True)
        # brew's are shared libraries, which find themselves what they need.
        libraries = LIBRARIES[name][:1] if sys.platform == "darwin" else LIBRARIES[name]
        (folder / f"{name}.pc").write_text(pkg_config(name, home, libraries))


def _record(deps: Path, headers: List[Path], summary: str) -> str:
    # The .pc files hold absolute paths, so a checkout that was moved has them written anew.
    write_json(deps / "headers.json", {
        "deps": str(deps), "files": fingerprint(headers, deps), "libraries": list(LIBRARIES), "summary": summary})
    clients.say(summary)
    return summary
