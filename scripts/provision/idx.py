"""Gray images and their labels as IDX files, the format of MNIST's own."""

import gzip
import struct
from pathlib import Path
from typing import Iterable, List, Tuple

#: The pixels of an image, row by row, and its label.
Example = Tuple[bytes, int]


def write(folder: Path, side: int, train: Iterable[Example], test: Iterable[Example]) -> None:
    """Four files under MNIST's names, of square images."""
    for part, examples in (("train", list(train)), ("t10k", list(test))):
        images = struct.pack(">IIII", 0x803, len(examples), side, side) + b"".join(pixels for pixels, _ in examples)
        labels = struct.pack(">II", 0x801, len(examples)) + bytes(label for _, label in examples)
        for kind, rank, content in (("images", 3, images), ("labels", 1, labels)):
            # Without a time in it a file is the same whenever it is made.
            (folder / f"{part}-{kind}-idx{rank}-ubyte.gz").write_bytes(gzip.compress(content, compresslevel=6, mtime=0))


def split(examples: List[Example], every: int) -> Tuple[List[Example], List[Example]]:
    """Those to train on, and every n-th to test on."""
    chosen = [[], []]
    for place, example in enumerate(examples):
        chosen[place % every == 0].append(example)
    return chosen[0], chosen[1]
