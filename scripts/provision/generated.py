"""JPEGs made from the photographs of other sets: to learn from, and to time reading with.

Every picture is a function of its name, for one version of Pillow, which is installed in .deps when it is needed.
"""

import csv
import hashlib
import os
import random
import sys
from multiprocessing import Pool
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

from . import clients
from .packages import REMEDY, Packages

REQUIREMENTS = Path(__file__).with_name("generated-requirements.txt")
#: The kinds of things, by the folders of stamps that show them: those with ten photographs or more.
KINDS = {
    "birds": ["animals/birds"], "fish": ["animals/fish"], "flowers": ["plants/flowers"], "fruit": ["food/fruit"],
    "instruments": ["hobbies/music"], "mammals": ["animals/mammals", "animals/marsupials"],
    "planets": ["space/planets", "space/moon"], "roadsigns": ["town/roadsigns"], "tools": ["household/tools"],
    "vegetables": ["food/vegetables"],
}
#: Pictures of each kind.
PARTS = {"train": 300, "val": 50, "test": 100}
COUNT = len(KINDS) * sum(PARTS.values())
PLAIN_SIZE, PLAIN_EACH, PLAIN_COUNT = (500, 375), 100, 2000
#: Width and height, and how often of a hundred.
SIZES = [
    ((500, 375), 45), ((375, 500), 15), ((500, 333), 10), ((640, 480), 10), ((320, 240), 8), ((333, 500), 4),
    ((800, 600), 4), ((431, 500), 2), ((1024, 768), 2),
]
#: How pixels that are seen upright are stored, by EXIF's orientation: PIL's transpositions.
TURNS = {3: "ROTATE_180", 6: "ROTATE_90", 8: "ROTATE_270"}


class Picture(NamedTuple):
    """A picture to make: where it goes, what it shows (nothing but its background without a stamp)."""

    target: str
    background: str
    stamp: str = ""


def photos(folder: Path, packages: Packages) -> None:
    """Photographs of things before other photographs, in train, val and test; each photograph is in one part alone."""
    source = packages.deps / "datasets" / "stamps"
    parts = shared_out(backgrounds(packages.deps))
    made = []
    for kind, places in KINDS.items():
        found = [path for place in places for path in (source / place).rglob("*.png") if "toys" not in path.parts]
        for part, chosen in shared_out(found).items():
            for number in range(PARTS[part]):
                stamp = chosen[number % len(chosen)]
                target = folder / part / kind / f"{stamp.parent.name}-{stamp.stem}-{number // len(chosen):02d}.jpg"
                behind = parts[part][draws(f"{part}/{kind}/{number}").randrange(len(parts[part]))]
                made.append(Picture(str(target), str(behind), str(stamp)))
    make(folder, made, packages.deps)


def plain(folder: Path, packages: Packages) -> None:
    """Cuts of photographs, all of one size, in a folder for each photograph's class."""
    with open(packages.deps / "datasets" / "imagenet-20" / "labels.csv", newline="", encoding="utf-8") as table:
        kinds = {row["path"]: row["label"].replace(" ", "-") for row in csv.DictReader(table)}
    make(folder, [
        Picture(str(folder / kinds[path.name] / f"{path.stem}-{number:02d}.jpg"), str(path))
        for path in backgrounds(packages.deps) for number in range(PLAIN_EACH)], packages.deps)


def backgrounds(deps: Path) -> List[Path]:
    return sorted((deps / "datasets" / "imagenet-20").glob("*.jpg"))


def shared_out(paths: Sequence[Path]) -> Dict[str, List[Path]]:
    """A fifth of the photographs, and no fewer than two, for testing, a tenth, and no fewer than two, for validation."""
    ordered = sorted(paths, key=lambda path: hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).digest())
    tested, held = max(2, round(len(ordered) / 5)), max(2, round(len(ordered) / 10))
    return {"test": ordered[:tested], "val": ordered[tested:tested + held], "train": ordered[tested + held:]}


def draws(name: str) -> random.Random:
    """Random numbers that are a function of a picture's name, on every system and version of Python."""
    return random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def make(folder: Path, made: Sequence[Picture], deps: Path) -> None:
    sys.path.insert(0, str(clients.installed(REQUIREMENTS, deps / "pillow", REMEDY)))
    clients.say(f"making {len(made):,} JPEGs")
    for target in {os.path.dirname(picture.target) for picture in made}:
        os.makedirs(target)
    base = len(str(folder)) + 1
    with Pool(os.cpu_count()) as pool:
        for _ in pool.imap_unordered(make_one, [(picture, picture.target[base:]) for picture in made], chunksize=16):
            pass


def make_one(work: Tuple[Picture, str]) -> None:
    from PIL import Image

    picture, name = work
    random_numbers = draws(name)
    with Image.open(picture.background) as file:
        background = file.convert("RGB")
    if not picture.stamp:
        cut(background, PLAIN_SIZE, 0.8, random_numbers).save(picture.target, quality=90)
        return
    size = choice(SIZES, random_numbers)
    image = cut(background, size, 0.4, random_numbers)
    put(picture.stamp, image, random_numbers)
    write(image, picture.target, random_numbers)


def choice(weighted, random_numbers):
    place = random_numbers.random() * sum(weight for _, weight in weighted)
    for value, weight in weighted:
        place -= weight
        if place < 0:
            return value
    return weighted[-1][0]


def between(low: float, high: float, random_numbers) -> float:
    return low + (high - low) * random_numbers.random()


def cut(image, size, least: float, random_numbers):
    """A random part of a picture with the proportions of `size`, at that size; `least` of what fits."""
    from PIL import Image

    width, height = size
    scale = min(image.width / width, image.height / height) * between(least, 1, random_numbers)
    left = between(0, image.width - scale * width, random_numbers)
    top = between(0, image.height - scale * height, random_numbers)
    box = (left, top, left + scale * width, top + scale * height)
    return image.resize(size, Image.BICUBIC, box=box)


def put(stamp: str, image, random_numbers) -> None:
    """Lays a stamp over a picture: turned, mirrored or not, of half to nearly all of the picture's short side."""
    from PIL import Image, ImageEnhance

    with Image.open(stamp) as file:
        thing = file.convert("RGBA")
    if random_numbers.random() < 0.5:
        thing = thing.transpose(Image.FLIP_LEFT_RIGHT)
    thing = thing.crop(thing.getchannel("A").getbbox())
    scale = between(0.5, 0.95, random_numbers) * min(image.size) / max(thing.size)
    thing = thing.resize([max(1, round(scale * side)) for side in thing.size], Image.BICUBIC)
    thing = thing.rotate(between(-20, 20, random_numbers), Image.BICUBIC, expand=True)
    colours = ImageEnhance.Brightness(thing.convert("RGB")).enhance(between(0.75, 1.25, random_numbers))
    place = [round(between(min(0, free), max(0, free), random_numbers)) for free in (
        image.width - thing.width, image.height - thing.height)]
    image.paste(colours, tuple(place), thing.getchannel("A"))


def write(image, target: str, random_numbers) -> None:
    """As cameras and programs do: different qualities and subsamplings, some progressive, gray or turned."""
    from PIL import Image

    if random_numbers.random() < 0.02:
        image = image.convert("L")
    exif = Image.Exif()
    turn = choice([(1, 88), (3, 2), (6, 6), (8, 4)], random_numbers)
    if turn != 1:
        exif[0x0112] = turn
        image = image.transpose(getattr(Image, TURNS[turn]))
    image.save(
        target, quality=round(between(70, 95, random_numbers)), exif=exif.tobytes() if turn != 1 else b"",
        subsampling=choice([(2, 70), (0, 20), (1, 10)], random_numbers), progressive=random_numbers.random() < 0.1)
