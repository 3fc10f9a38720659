"""The system's own package clients: APT for Debian and Ubuntu, pip for Python packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Sequence

from .files import scratch_folder
from .problem import Problem


def say(message: str) -> None:
    print(f"set-up: {message}", flush=True)


def is_root() -> bool:
    return os.geteuid() == 0


def has_apt() -> bool:
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def _run(command: Sequence[str], cwd: Path = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    return subprocess.run(
        list(command), cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def last_lines(output: str, count: int = 6) -> str:
    """The end of what a client said, without its many words about each try at a connection."""
    lines = [line for line in output.strip().splitlines() if not line.startswith("WARNING: Retrying")]
    return "\n".join("    " + line for line in lines[-count:])


def apt_install(packages: Sequence[str], remedy: str) -> None:
    """Installs as root; reads the package lists anew only where the first try does not find the packages."""
    say(f"installing {' '.join(packages)} (apt-get)")
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    first = _run(install)
    if first.returncode == 0:
        return
    _run(["apt-get", "update"])
    second = _run(install)
    if second.returncode != 0:
        raise Problem(
            f"apt-get could not install {' '.join(packages)}:\n{last_lines(second.stdout)}",
            "these packages from Debian's or Ubuntu's archive.", remedy)


def apt_unpack(packages: Sequence[str], deps: Path, destination: Path, remedy: str) -> None:
    """Downloads packages without being root and unpacks them under `destination`.

    APT checks the archive's signature and each package's hash. Where this machine has no package lists and we
    may not write them, they are read into a folder of our own.
    """
    say(f"downloading {' '.join(packages)} (apt-get) and unpacking inside the checkout")
    with scratch_folder(deps) as folder:
        # APT fetches as its own user, which may be unable to enter a home folder; being one user is enough here.
        options: List[str] = ["-o", "APT::Sandbox::User="]
        result = _run(["apt-get", *options, "download", *packages], cwd=folder)
        if result.returncode != 0:
            options += _own_lists(folder)
            _run(["apt-get", *options, "update"], cwd=folder)
            result = _run(["apt-get", *options, "download", *packages], cwd=folder)
        archives = sorted(folder.glob("*.deb"))
        if result.returncode != 0 or len(archives) < len(packages):
            raise Problem(
                f"apt-get could not download {' '.join(packages)}:\n{last_lines(result.stdout)}",
                "these packages from Debian's or Ubuntu's archive.", remedy)
        destination.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            unpacked = _run(["dpkg-deb", "--extract", str(archive), str(destination)])
            if unpacked.returncode != 0:
                raise Problem(
                    f"{archive.name} could not be unpacked:\n{last_lines(unpacked.stdout)}",
                    "a complete package and free space.", remedy)


def _own_lists(folder: Path) -> List[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = {"Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache"}
    # APT reads its settings as a path each: quoting is not needed even with spaces, one argument is one setting.
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}/")]


def pip_download(
        requirements: Path, destination: Path, remedy: str, only: str = "", options: Sequence[str] = ()) -> None:
    """Downloads exactly the files whose hashes the requirements file lists, or of these one package's."""
    if only:
        lines = [line for line in requirements.read_text().splitlines() if line.startswith(f"{only}==")]
        requirements = destination / f"{only}-requirements.txt"
        requirements.write_text("\n".join(lines) + "\n")
    result = _pip([
        "download", *options, "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement",
        str(requirements), "--dest", str(destination)])
    if result.returncode != 0:
        raise Problem(
            f"pip could not download what {requirements.name} lists:\n{last_lines(result.stdout, 10)}",
            "these packages from the package index that pip is set up with.", remedy)


def pip_install(requirements: Path, destination: Path, remedy: str) -> None:
    """Installs packages into a folder of their own, which is then a path to import from."""
    say(f"installing what {requirements.name} lists in {destination.name} (pip)")
    result = _pip([
        "install", "--no-deps", "--only-binary=:all:", "--requirement", str(requirements), "--target", str(destination)])
    if result.returncode != 0:
        raise Problem(
            f"pip could not install what {requirements.name} lists:\n{last_lines(result.stdout, 10)}",
            "these packages from the package index that pip is set up with.", remedy)


def installed(requirements: Path, folder: Path, remedy: str) -> Path:
    """A folder to import from in which packages are installed, once for each version of Python and of what is asked for."""
    stamp = folder / "installed.json"
    wanted = {"requirements": requirements.read_text(), "python": list(sys.version_info[:2])}
    if not stamp.exists() or json.loads(stamp.read_text()) != wanted:
        pip_install(requirements, folder, remedy)
        stamp.write_text(json.dumps(wanted))
    return folder


def _pip(arguments: Sequence[str]) -> subprocess.CompletedProcess:
    pip = [sys.executable, "-m", "pip"]
    if _run([*pip, "--version"]).returncode != 0:
        raise Problem(
            f"{sys.executable} has no pip.", "Python 3 with pip.",
            "install it (Debian and Ubuntu: apt-get install python3-pip), then run make again.")
    return _run([*pip, arguments[0], "--disable-pip-version-check", "--no-input", "--quiet", *arguments[1:]])
