"""Sets of pictures to try things on, in .deps/datasets: what there is, and how each is made.

A set is fetched by pip or APT, which check it, and put into its folder whole or not at all. None of them belongs into
the repository: some licences forbid it.
"""

from pathlib import Path
from typing import Callable, Dict, NamedTuple, Sequence, Tuple

from . import clients, digits, generated, pictures, sets
from .packages import Packages


class DataSet(NamedTuple):
    """One set of pictures."""

    what: str
    licence: str
    #: What `--data` calls it, with its folder in place of the braces.
    data: str
    #: Of downloading.
    megabytes: int
    make: Callable[[Path, Packages], None]
    #: The sets that it is made from.
    parents: Tuple[str, ...] = ()
    #: To be raised when it is made in another way, so that old ones are made anew.
    edition: int = 1


MNIST = "MNIST of LeCun, Cortes and Burges, CC BY-SA 3.0"
STAMPS = "Tux Paint's stamps, GPL 2"
ALL: Dict[str, DataSet] = {
    "mnist": DataSet("65,000 handwritten digits, 28×28, gray", MNIST, "idx:{}", 12, digits.mnist),
    "mnist-5k": DataSet("5,000 of MNIST's, 500 of each digit", MNIST, "idx:{}", 2, digits.mnist_5k),
    "opencv-digits": DataSet(
        "5,000 handwritten digits, 20×20, gray", "OpenCV's samples, Apache 2.0", "idx:{}", 96, digits.opencv),
    "uci-digits": DataSet(
        "1,797 handwritten digits, 8×8, gray", "Alpaydin and Kaynak at UCI, CC BY 4.0", "idx:{}", 10, digits.uci),
    "solar-cells": DataSet(
        "2,624 solar cells in electroluminescence, 300×300, gray: functional or defective, mono- or polycrystalline",
        "ELPV of Buerhop-Lutz, Deitsch and others, CC BY-NC-SA 4.0", "csv:{}/labels.csv", 91, pictures.solar_cells),
    "stamps": DataSet(
        "439 photographs of things, 20 to 1,200 px, cut out (palettes and transparency), in folders of folders", STAMPS,
        "images:{}", 161, pictures.stamps),
    "clipart": DataSet(
        "6,900 drawings, transparent, up to thousands of px, in folders of folders, 1,221 of them twice, by links",
        "Open Clip Art Library, public domain", "images:{}", 131, pictures.clipart),
    "imagenet-20": DataSet(
        "20 photographs of ImageNet, one of most of its 19 classes", "their owners' (in foolbox, MIT)",
        "csv:{}/labels.csv", 2, pictures.imagenet),
    "photos": DataSet(
        f"{generated.COUNT:,} JPEGs of many sizes: photographs of ten kinds of things, turned and scaled, before others; "
        "hard, as there are 164 to learn from",
        f"made from {STAMPS}, and ImageNet's photographs", "images:{}", 163, generated.photos,
        ("stamps", "imagenet-20")),
    "jpegs": DataSet(
        f"{generated.PLAIN_COUNT:,} JPEGs of 500×375 to time reading with: cut from 20 photographs",
        "made from ImageNet's photographs", "images:{}", 2, generated.plain, ("imagenet-20",)),
}


def provide(deps: Path, names: Sequence[str]) -> None:
    """Makes the named sets, or all, and says of each what it is; those that cannot be made do not stop the others."""
    def make(name: str) -> None:
        provide_one(deps, name)
        clients.say(description(deps, name))

    sets.provide(ALL, names, make)


def home(deps: Path, name: str) -> Path:
    # Where it was before there were others, and where runs have read it from.
    return deps / "digits" if name == "mnist-5k" else deps / "datasets" / name


def record(deps: Path, name: str) -> Path:
    # Beside the folder, so that pictures are all that is in it.
    return deps / "datasets" / f"{name}.json"


def provide_one(deps: Path, name: str) -> Path:
    """The folder of a set, made if it is not there; quick where it is."""
    chosen = ALL[name]

    def make(made: Path, scratch: Path) -> None:
        for parent in chosen.parents:
            provide_one(deps, parent)
        chosen.make(made, Packages(deps, scratch))

    return sets.provide_folder(deps, home(deps, name), record(deps, name), chosen.edition, make)


def description(deps: Path, name: str) -> str:
    chosen, folder = ALL[name], home(deps, name)
    return (
        f"{name}: {chosen.what}. {chosen.licence}.\n"
        f"    {sets.contents(record(deps, name))}; --data {chosen.data.format(relative(folder, deps))}")


def relative(folder: Path, deps: Path) -> str:
    return str(folder.relative_to(deps.parent))


def listing() -> str:
    return "\n".join(
        f"{name}: {chosen.what} ({chosen.megabytes} MB to download). {chosen.licence}." for name, chosen in ALL.items())
