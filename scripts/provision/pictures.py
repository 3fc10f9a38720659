"""Sets of pictures as files: in a folder for each class, or in a table (path, label, and what else is known)."""

import csv
import shutil
from pathlib import Path
from typing import Callable, List, Sequence

from .packages import Packages

#: ImageNet's classes, by their numbers, of foolbox's photographs.
IMAGENET = {
    22: "bald eagle", 99: "goose", 129: "spoonbill", 243: "bull mastiff", 251: "dalmatian", 305: "dung beetle",
    317: "leafhopper", 438: "beaker", 455: "bottlecap", 471: "cannon", 541: "drum", 559: "folding chair", 609: "jeep",
    630: "Loafer", 741: "prayer rug", 853: "thatch", 915: "yurt", 949: "strawberry", 990: "buckeye",
}


def solar_cells(folder: Path, packages: Packages) -> None:
    """Cells in a folder by their label and in a table by their module's kind too.

    Experts gave each cell a probability of being defective: 0, 1/3, 2/3 or 1; those above a half are called defective, as
    in the set's own papers, which test on a quarter. Parts have equal shares of each kind and probability.
    """
    with packages.wheel("elpv-dataset") as wheel:
        lines = wheel.read("elpv_dataset/data/labels.csv").decode().splitlines()
        rows = cells(lines)
        for path, label, *_ in rows:
            target = folder / path
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(wheel.read(f"elpv_dataset/data/images/{target.name}"))
    write_table(folder / "labels.csv", ["path", "label", "source", "split", "probability"], rows)


def cells(lines: Sequence[str]) -> List[Sequence[str]]:
    """Rows of the table from those of ELPV's own: a path, the probability of a defect, the kind of module."""
    seen, rows = {}, []
    for line in lines:
        path, probability, source = line.split()
        place = seen[source, probability] = seen.get((source, probability), -1) + 1
        label = "defective" if float(probability) > 0.5 else "functional"
        part = {1: "test", 5: "test", 3: "val"}.get(place % 8, "train")
        rows.append((f"{label}/{Path(path).name}", label, source, part, f"{float(probability):.2f}"))
    return rows


def stamps(folder: Path, packages: Packages) -> None:
    """Tux Paint's photographs, in folders as there; symbols and cartoons are left out."""
    source = packages.debian_folder("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps")
    copy_pictures(source, folder, lambda path: path.parts[0] != "symbols" and "cartoon" not in path.parts)


def clipart(folder: Path, packages: Packages) -> None:
    """Open Clip Art, in folders as in Debian's package; a drawing that is in two of them is a link in one."""
    copy_pictures(packages.debian_folder("openclipart-png", "usr/share/openclipart/png"), folder, lambda path: True)


def imagenet(folder: Path, packages: Packages) -> None:
    """Foolbox's photographs with the names of their classes; the name of a file ends in its class's number."""
    rows = []
    with packages.wheel("foolbox") as wheel:
        for name in sorted(wheel.namelist()):
            path = Path(name)
            if path.name.startswith("imagenet_"):
                (folder / path.name).write_bytes(wheel.read(name))
                number = int(path.stem.rpartition("_")[2])
                rows.append((path.name, IMAGENET[number], number))
    write_table(folder / "labels.csv", ["path", "label", "number"], rows)


def copy_pictures(source: Path, folder: Path, is_wanted: Callable[[Path], bool]) -> None:
    """Copies the PNG files of a folder and those below; links between them stay links."""
    for path in sorted(source.rglob("*.png")):
        inside = path.relative_to(source)
        if is_wanted(inside):
            target = folder / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target, follow_symlinks=False)


def write_table(file: Path, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
    with open(file, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([columns, *rows])
