"""Reading photographs with torchvision: folders of JPEGs to random crops of 224, mirrored or not, in normalized batches.

A step is one batch that a DataLoader hands over. Modes: `pillow` (ImageFolder as it comes), `tensor` (torchvision's own
decoder and v2's transforms) and `mapped` (decoded pictures in one memory-mapped file, as FFCV keeps them).
"""

import argparse
import sys
from pathlib import Path

import numpy
import torch
from PIL import Image

import protocol

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", required=True, help="a folder for each class")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2, help="workers of the DataLoader")
    parser.add_argument("--warmup", type=int, default=8, help="batches of each mode before any is timed")
    parser.add_argument("--modes", nargs="+", help="default: all that work")
    parser.add_argument("--cache", type=Path, help="the file of the mode `mapped`; default: beside the folder")
    return parser.parse_args()


def import_torchvision():
    """PyPI's torchvision beside PyTorch's CPU build lacks CUDA's libraries, and so the operations that it declares here."""
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
        torchvision.declared = library
    return torchvision


class Turns:
    """The examples of the batches of one turn, drawn at random; nothing is read ahead of the turn's end."""

    def __init__(self, count, batch):
        self.count, self.batch, self.batches = count, batch, 1
        self.order = torch.Generator().manual_seed(1)

    def __len__(self):
        return self.batches

    def __iter__(self):
        for _ in range(self.batches):
            yield torch.randint(self.count, (self.batch,), generator=self.order).tolist()


class Mapped(torch.utils.data.Dataset):
    """Decoded pictures of one size, in one file that is mapped into memory."""

    def __init__(self, samples, file, transform):
        self.labels, self.transform = [label for _, label in samples], transform
        with Image.open(samples[0][0]) as first:
            width, height = first.size
        shape = len(samples), height, width, 3
        if not file.exists() or file.stat().st_size != numpy.prod(shape):
            pixels = numpy.memmap(file, numpy.uint8, "w+", shape=shape)
            for place, (path, _) in enumerate(samples):
                with Image.open(path) as image:
                    pixels[place] = image.convert("RGB")
            pixels.flush()
        self.pixels = numpy.memmap(file, numpy.uint8, "r", shape=shape)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, place):
        return self.transform(Image.fromarray(self.pixels[place])), self.labels[place]


def loader(dataset):
    """A function that takes so many batches from workers that stay."""
    turns = Turns(len(dataset), options.batch)
    batches = torch.utils.data.DataLoader(
        dataset, batch_sampler=turns, num_workers=options.threads, persistent_workers=options.threads > 0)

    def take(count):
        turns.batches = count
        for images, _ in batches:
            assert images.shape == (options.batch, 3, options.size, options.size)

    return take


def make_pillow():
    return loader(torchvision.datasets.ImageFolder(options.pictures, on_pillow()))


def on_pillow():
    transforms = torchvision.transforms
    return transforms.Compose([
        transforms.RandomResizedCrop(options.size), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
        transforms.Normalize(MEAN, DEVIATION)])


def make_tensor():
    from torchvision.io import ImageReadMode, decode_image
    from torchvision.transforms import v2

    transform = v2.Compose([
        v2.RandomResizedCrop(options.size, antialias=True), v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION)])
    folder = torchvision.datasets.ImageFolder(
        options.pictures, transform, loader=lambda path: decode_image(path, ImageReadMode.RGB))
    # Here, because an error in a worker would say less.
    folder[0]
    return loader(folder)


def make_mapped():
    folder = torchvision.datasets.ImageFolder(options.pictures)
    file = options.cache or Path(options.pictures).with_suffix(".uint8")
    return loader(Mapped(folder.samples, file, on_pillow()))


def main():
    torch.set_num_threads(1)
    makers = {"pillow": make_pillow, "tensor": make_tensor, "mapped": make_mapped}
    protocol.serve("torchvision", torchvision.__version__, options, makers)


options = parse()
torchvision = import_torchvision()
if __name__ == "__main__":
    main()
