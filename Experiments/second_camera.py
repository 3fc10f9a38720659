#!/usr/bin/env python3
"""Fashion-MNIST as a second camera sees it, brighter and with less contrast, 110 + 0.45·pixel, and a third, 60 + 0.3·pixel.

    python3 Experiments/second_camera.py            from .deps/fashion-mnist into .deps/second-camera and .deps/third-camera
"""

import gzip
import shutil
from pathlib import Path

DEPS = Path(__file__).resolve().parent.parent / ".deps"
CAMERAS = {"second-camera": (110, 0.45), "third-camera": (60, 0.3)}


def main():
    source = DEPS / "fashion-mnist"
    for name, (offset, slope) in CAMERAS.items():
        seen = bytes(round(offset + slope * pixel) for pixel in range(256))
        target = DEPS / name
        target.mkdir(exist_ok=True)
        for part in ("train", "t10k"):
            images = f"{part}-images-idx3-ubyte.gz"
            content = gzip.decompress((source / images).read_bytes())
            (target / images).write_bytes(gzip.compress(content[:16] + content[16:].translate(seen), 1, mtime=0))
            labels = f"{part}-labels-idx1-ubyte.gz"
            shutil.copyfile(source / labels, target / labels)


if __name__ == "__main__":
    main()
