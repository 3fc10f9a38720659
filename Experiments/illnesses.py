#!/usr/bin/env python3
"""Planted illnesses and healthy runs: what the doctor says of each.

    make build data; python3 Experiments/illnesses.py run --seeds 2       # writes Experiments/illnesses.csv; what is there already stays
    python3 Experiments/illnesses.py score                                # detection, right cause first, false alarms, by half of the seeds
    python3 Experiments/illnesses.py list                                 # every case, and what it has to be called
    python3 Experiments/illnesses.py export --folder ill                  # the networks as PyTorch state dicts (.safetensors), their pictures, and
                                                                          # cases.jsonl, which says what is the matter: for other tools

Each seed trains a few networks; an illness is a change of one of them, or of its data, or a run of its own. Odd seeds are for choosing thresholds,
even ones for scoring. An illness counts only if it costs something: more than 0.03 nats or half a point beside the healthy network, which is the one
that the illness was planted in, the same one with averages measured anew where only these are ill, or else another run. It is measured on test images that the
doctor does not see; what costs less is written down, and left out of the score.
"""

import argparse
import csv
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "Experiments/illnesses.csv"
FASHION = ROOT / ".deps/fashion-mnist"
COLUMNS = ["model", "case", "seed", "kind", "expected", "layers", "loss", "accuracy", "healthy_loss", "healthy_accuracy", "causes", "found_layers",
           "remedy_loss", "seconds"]
NETWORKS = {"small": ["--model", "small:0.5"], "resnet18": ["--model", "resnet18", "--stem", "imagenet"],
            "mobilenetv2": ["--model", "mobilenetv2:0.35"]}
# The larger networks have fewer steps, and only those runs of their own that are marked so.
STEPS = {"small": 800, "resnet18": 500, "mobilenetv2": 500}
# A network with dropout before normalizations, and with dropout before its head alone.
DROPOUT = """summary: two convolutions with dropout
image: [28, 28, 1]
layers:
  - convolution: {channels: 16, kernel: 3}
  - normalization:
  - relu
  - max-pool: {window: 2}
  - dropout: INNER
  - convolution: {channels: 32, kernel: 3}
  - normalization:
  - relu
  - max-pool: {window: 2}
  - dropout: INNER
  - convolution: {channels: 32, kernel: 3}
  - normalization:
  - relu
  - global-average-pool
  - dropout: 0.5
  - dense: classes
"""
TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32}


# MARK: files

def read(path):
    """The metadata and arrays of a safetensors file."""
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[8 + size + begin:8 + size + end], TYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return metadata, arrays


def write(path, metadata, arrays):
    names = {np.dtype(kind): name for name, kind in TYPES.items()}
    header, body, place = {"__metadata__": metadata} if metadata else {}, [], 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [place, place + len(content)]}
        body.append(content)
        place += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(body))


def read_idx(path):
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        import gzip
        data = gzip.decompress(data)
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4:4 + 4 * rank])
    return np.frombuffer(data[4 + 4 * rank:], np.uint8).reshape(shape)


def write_idx(path, array):
    Path(path).write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def found(folder, word):
    return next(path for path in sorted(folder.iterdir()) if path.name.startswith(word))


def subset(folder, training=12000, test=4000):
    """Fashion-MNIST, as much of it as is used, with names that `idx:` knows."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", training), ("t10k", test)):
        write_idx(folder / f"{part}-images-idx3-ubyte", read_idx(found(FASHION, f"{part}-images"))[:count])
        write_idx(folder / f"{part}-labels-idx1-ubyte", read_idx(found(FASHION, f"{part}-labels"))[:count])
    return folder


def write_png(path, pixels):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], 1)
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                           + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b""))


def coloured(source, folder, change=lambda pixels: pixels, training=4000, test=2000):
    """The same pictures as PNGs with three channels that differ: as they are, faint, and smoothed and inverted."""
    table = folder / "labels.csv"
    if not table.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = ["path,label,split"]
        for part, name, count in (("train", "train", training), ("t10k", "test", test)):
            images = read_idx(source / f"{part}-images-idx3-ubyte")[:count].astype(float)
            labels = read_idx(source / f"{part}-labels-idx1-ubyte")[:count]
            smooth = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2) + np.roll(images, -1, 2)) / 4
            pixels = np.stack([images, images * 0.4 + 40, 255 - smooth * 0.8], -1).astype(np.uint8)
            for number, picture in enumerate(pixels):
                write_png(folder / f"{name}{number}.png", change(picture) if name == "test" else picture)
                rows.append(f"{name}{number}.png,{labels[number]},{name}")
        table.write_text("\n".join(rows) + "\n")
    return f"csv:{table}"


def elsewhere(source, folder):
    """Another domain, with training pictures of its own: inverted, with less contrast."""
    if not folder.exists():
        shutil.copytree(source, folder)
        for part in ("train", "t10k"):
            path = folder / f"{part}-images-idx3-ubyte"
            write_idx(path, (255 - read_idx(path) * 0.7).astype(np.uint8))
    return f"idx:{folder}"


def changed(source, folder, change):
    """The same data with other test pictures."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    path = folder / "t10k-images-idx3-ubyte"
    write_idx(path, change(read_idx(path)).astype(np.uint8))
    return f"idx:{folder}"


# MARK: calls

class Tool:
    def __init__(self, program, threads, folder):
        self.program, self.threads, self.folder = program, threads, folder

    def __call__(self, command, *options, codes=(0,)):
        usual = [] if command == "export" else ["--threads", str(self.threads), "--log", "json"]
        done = subprocess.run([self.program, command, *map(str, options), *usual], capture_output=True, text=True)
        if done.returncode not in codes:
            raise RuntimeError(f"renorm {command} {' '.join(map(str, options))}: {done.returncode}\n{done.stderr[-1500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()] if usual else []

    def train(self, name, *options):
        folder = self.folder / name
        if not (folder / "model.safetensors").exists():
            shutil.rmtree(folder, ignore_errors=True)
            self("train", *options, "--run", folder)
        return folder

    def doctor(self, *asked):
        return self("doctor", *asked, codes=(0, 1))

    def test(self, asked, data):
        """Loss and accuracy on the test pictures; of a network that gives what is not finite, NaN and chance."""
        try:
            asked = asked if isinstance(asked, list) else [asked]
            event = [event for event in self("evaluate", *asked, "--data", data) if event["event"] == "evaluation"][0]
            return number(event["loss"]), event["accuracy"]
        except RuntimeError:
            return float("nan"), 0.1


def number(value):
    return float(value) if isinstance(value, (int, float)) else float({"inf": "inf", "-inf": "-inf"}.get(value, "nan"))


# MARK: changes of a network's file

def normalizations(arrays):
    """The layers with averages, in the order of the file."""
    return [name[:-len(".running_mean")] for name in arrays if name.endswith(".running_mean") and "." in name
            and not name.startswith(("ema.", "domain."))]


def middle(arrays):
    layers = normalizations(arrays)
    return layers[len(layers) // 2]


def variance(factor, which=middle):
    def change(arrays):
        layer = which(arrays)
        arrays[f"{layer}.running_var"] *= np.float32(factor)
        return [layer]
    return change


def last(arrays):
    return normalizations(arrays)[-1]


def first(arrays):
    return normalizations(arrays)[0]


def mean(shift, which=middle):
    def change(arrays):
        layer = which(arrays)
        arrays[f"{layer}.running_mean"] += np.float32(shift) * np.sqrt(arrays[f"{layer}.running_var"])
        return [layer]
    return change


def swap(arrays):
    layers = normalizations(arrays)
    pairs = [(a, b) for place, a in enumerate(layers) for b in layers[place + 1:]
             if arrays[f"{a}.running_var"].shape == arrays[f"{b}.running_var"].shape]
    a, b = pairs[len(pairs) // 2]
    for name in ("running_mean", "running_var"):
        arrays[f"{a}.{name}"], arrays[f"{b}.{name}"] = arrays[f"{b}.{name}"], arrays[f"{a}.{name}"]
    return [a, b]


def reset(arrays, which=None):
    layers = normalizations(arrays) if which is None else [which(arrays)]
    for layer in layers:
        arrays[f"{layer}.running_mean"][:] = 0
        arrays[f"{layer}.running_var"][:] = 1
    return layers


def lagging(part):
    """What an averaging rate leaves that is too small for so few steps: so much of the way from 0 and 1."""
    def change(arrays):
        for layer in normalizations(arrays):
            arrays[f"{layer}.running_mean"] *= np.float32(part)
            arrays[f"{layer}.running_var"] = (1 + part * (arrays[f"{layer}.running_var"] - 1)).astype(np.float32)
        return []
    return change


def broken(value, name="running_var"):
    def change(arrays):
        layer = middle(arrays)
        arrays[f"{layer}.{name}"][0] = value
        return [layer]
    return change


def zero_gamma(arrays):
    layer = middle(arrays)
    arrays[f"{layer}.weight"][:] = 0
    return [layer]


def rectified(arrays):
    """The middle layer, or the nearest before it, that has a ReLU after it: not the last one of a block."""
    layers = normalizations(arrays)
    last_of_blocks = (".bn2", ".downsample.1", ".conv.3", ".conv.2")
    return [layer for layer in layers[:len(layers) // 2 + 1] if not layer.endswith(last_of_blocks)][-1]


def dead(share):
    """Channels that give nothing any more after their ReLU, while averages are those of before."""
    def change(arrays):
        layer = rectified(arrays)
        count = max(int(arrays[f"{layer}.bias"].shape[0] * share), 1)
        arrays[f"{layer}.bias"][:count] = -50
        return [layer]
    return change


def of_origin(pattern=None):
    """Averages of the network that a fine-tuned one was made of, everywhere or in parts."""
    def change(arrays, origin):
        layers = normalizations(arrays) if pattern is None else [layer for layer in normalizations(arrays) if layer in pattern]
        for layer in layers:
            for name in ("running_mean", "running_var"):
                arrays[f"{layer}.{name}"] = origin[f"{layer}.{name}"]
        return layers if pattern else []
    return change


def both(*changes):
    def change(arrays):
        return [layer for one in changes for layer in one(arrays)]
    return change


# MARK: cases

class Case:
    """Something that is diagnosed: a change of the file of a base network, or of the target's pictures, or a run of its own."""

    def __init__(self, name, expected, change=None, target=None, train=None, options=(), file=None, kind="ill", tuned=None, colours=None, network=None,
                 everywhere=None, remeasured=False):
        self.name, self.expected, self.change, self.target = name, expected, change, target
        self.train, self.options, self.file, self.kind = train, options, file, kind
        # Options of fine-tuning on another domain, after which averages of the origin are put back.
        self.tuned = tuned
        # What is done to coloured test pictures; a network file; whether the larger networks have the case too.
        self.colours, self.network = colours, network
        # Whether only averages are ill, so that the healthy network is the same one with averages measured anew.
        self.remeasured = remeasured
        self.everywhere = (train or tuned or colours or network) is None if everywhere is None else everywhere


def darkened(images): return images * 0.3
def inverted(images): return 255 - images
def brighter(images): return np.minimum(images.astype(int) + 100, 255)
def upside_down(images): return images[:, ::-1]
def transposed(images): return images.transpose(0, 2, 1)


def noisy(images):
    return np.clip(images + np.random.default_rng(0).normal(0, 60, images.shape), 0, 255)


def shaken(images):
    """Smoothed by 3 pixels in each direction: another interpolation."""
    padded = np.pad(images.astype(float), ((0, 0), (1, 1), (1, 1)), mode="edge")
    return sum(padded[:, y:y + 28, x:x + 28] for y in range(3) for x in range(3)) / 9


def other_order(picture): return picture[..., ::-1]


def halved(images):
    """Another size at evaluation: half as many pixels, each of which stands for four."""
    small = images.reshape(len(images), 14, 2, 14, 2).mean((2, 4))
    return small.repeat(2, 1).repeat(2, 2)


def averaged(folder):
    """Weights as the mean of two states, averages those of the last: weights averaged without statistics."""
    metadata, arrays = read(folder / "model.safetensors")
    _, early = read(folder.with_name(folder.name + " early") / "model.safetensors")
    for name in arrays:
        if arrays[name].dtype == np.float32 and "running" not in name:
            arrays[name] = (0.5 * arrays[name] + 0.5 * early[name]).astype(np.float32)
    return metadata, arrays


STALE, NOISY, WRONG = {"stale-averages"}, {"noisy-averages"}, {"wrong-statistics"}
CASES = [
    Case("variance × 25", WRONG, variance(25)), Case("variance × 0.04", WRONG, variance(0.04)), Case("variance × 4", WRONG, variance(4)),
    Case("variance × 25, first", WRONG, variance(25, first)), Case("variance × 0.04, last", WRONG, variance(0.04, last)),
    Case("mean + 1 σ", WRONG, mean(1)), Case("mean − 2 σ, first", WRONG, mean(-2, first)), Case("mean + 1 σ, last", WRONG, mean(1, last)),
    Case("swapped", {"swapped-statistics"}, swap), Case("reset", {"averages-reset"}, reset),
    Case("reset, one layer", {"averages-reset"}, lambda arrays: reset(arrays, middle)),
    Case("lag 0.3", STALE, lagging(0.3)), Case("lag 0.6", STALE, lagging(0.6)),
    Case("not a number", {"not-finite"}, broken(np.nan)), Case("infinite mean", {"not-finite"}, broken(np.inf, "running_mean")),
    Case("negative variance", {"not-finite"}, broken(-1)), Case("γ of 0", {"zero-gamma"}, zero_gamma),
    Case("a quarter dead", {"dead-channels"}, dead(0.25)),
    Case("two at once: × 25 and reset", {"wrong-statistics", "averages-reset"}, both(variance(25, last), lambda a: reset(a, first))),
    Case("two at once: × 25 and inverted", {"wrong-statistics", "preparation", "domain-shift"}, variance(25), target=inverted),
    Case("target inverted", {"preparation", "domain-shift"}, target=inverted),
    Case("target darkened", {"preparation", "domain-shift"}, target=darkened),
    Case("target brighter", {"preparation", "domain-shift"}, target=brighter),
    Case("target noisy", {"domain-shift", "preparation"}, target=noisy), Case("target upside down", {"preparation", "domain-shift"}, target=upside_down),
    Case("target transposed", {"preparation", "domain-shift"}, target=transposed),
    Case("target of half the size", {"preparation", "domain-shift"}, target=halved),
    Case("target smoothed", {"preparation", "domain-shift"}, target=shaken),
    Case("channels in the other order", {"preparation"}, colours=other_order),
    Case("rate 0.0005", STALE, train=["--norm", "batch rate=0.0005"], everywhere=True, remeasured=True),
    Case("one label a group", {"biased-batches"}, train=["--norm", "batch", "--norm-examples", "8", "--sampling", "label-blocks:1x8"]),
    Case("two labels a group", {"biased-batches"}, train=["--norm", "batch", "--norm-examples", "16", "--sampling", "label-blocks:2x8"]),
    Case("sorted batches", {"biased-batches"}, train=["--norm", "batch", "--norm-examples", "8", "--sampling", "sorted-batches"], everywhere=True),
    Case("sorted data", {"biased-batches"}, train=["--norm", "batch", "--sampling", "sorted"]),
    Case("one label a step", {"biased-batches"}, train=["--norm", "batch", "--batch-size", "8", "--sampling", "label-blocks:1x8"]),
    Case("rate 1, one label a group", NOISY | {"biased-batches"},
         train=["--norm", "batch rate=1", "--norm-examples", "8", "--sampling", "label-blocks:1x8"]),
    Case("rate 0.9, batches of 4", NOISY, train=["--norm", "batch rate=0.9", "--batch-size", "4"], remeasured=True),
    Case("batch of one", {"small-groups"}, train=["--norm", "batch", "--batch-size", "16", "--norm-examples", "1"]),
    Case("statistics counted twice", NOISY, train=["--norm", "batch rate=0.19"], remeasured=True),
    Case("ε of 0.1 in place of 1e-5", {"epsilon"}, train=["--norm", "batch epsilon=0.1"], options=["--epsilon", "1e-5"]),
    Case("ε of 1e-5 in place of 0.1", {"epsilon"}, train=["--norm", "batch"], options=["--epsilon", "0.1"]),
    Case("weights averaged", {"averaged-weights", "stale-averages"}, file=averaged),
    Case("statistics of the old domain", STALE, change=of_origin(), tuned=[]),
    Case("frozen layers in batch mode", {"lying-freeze"}, change=of_origin(("bn1", "bn2", "bn3")),
         tuned=["--freeze-parameters", "conv1,bn1,conv2,bn2,conv3,bn3"]),
    Case("dropout before normalizations", {"dropout-shift"}, train=["--norm", "batch"], network=DROPOUT.replace("INNER", "0.5"), remeasured=True),
]
HEALTHY = [
    Case("BN", set(), kind="healthy", train=["--norm", "batch"], everywhere=True),
    Case("BN, batches of 16", set(), kind="healthy", train=["--norm", "batch", "--batch-size", "16"]),
    Case("BRN", set(), kind="healthy", train=["--norm", "batch-renorm"], everywhere=True),
    Case("BRN, batches of 8", set(), kind="healthy", train=["--norm", "batch-renorm", "--batch-size", "8"]),
    Case("BRN, two labels × 8", set(), kind="healthy", train=["--norm", "batch-renorm", "--batch-size", "16", "--sampling", "label-blocks:2x8"]),
    Case("BRN, one label a group", set(), kind="healthy", train=["--norm", "batch-renorm", "--norm-examples", "8", "--sampling", "label-blocks:1x8"],
         everywhere=True),
    Case("GN", set(), kind="healthy", train=["--norm", "group:8"], everywhere=True),
    Case("heavy augmentation", set(), kind="healthy", train=["--norm", "batch", "--augment", "standard"], everywhere=True),
    Case("label smoothing, EMA", set(), kind="healthy", train=["--norm", "batch", "--label-smoothing", "0.1", "--ema", "0.02"]),
    Case("dropout before the head", set(), kind="healthy", train=["--norm", "batch"], network=DROPOUT.replace("  - dropout: INNER\n", "")),
    Case("fine-tuned on another domain", set(), kind="healthy", tuned=[]),
    Case("fine-tuned with frozen layers", set(), kind="healthy", tuned=["--freeze", "conv1,bn1,conv2,bn2,conv3,bn3"]),
    Case("colours", set(), kind="healthy", colours=lambda picture: picture),
    Case("early in training", set(), kind="early"),
    Case("the same target", set(), kind="healthy", target=lambda images: images),
]


class Subject:
    """What is diagnosed: how the doctor is asked, and what is lost on test pictures that it does not see."""

    def __init__(self, tool, model, case, seed, data):
        self.tool, self.model, self.case, self.seed, self.data = tool, model, case, seed, data
        self.network = list(NETWORKS[model])
        self.test = f"idx:{data}"
        self.asked, self.layers = [], []
        self.prepare()

    def trained(self, name, *options, data=None, network=None, steps=None):
        batch = [] if "--batch-size" in options else ["--batch-size", 64]
        return self.tool.train(f"{self.model} {self.seed} {name}", "--data", data or f"idx:{self.data}", *(network or self.network), "--learning-rate", 0.1,
                               "--seed", self.seed, "--validation", 0 if data else 2000, "--steps", steps or STEPS[self.model], *batch, *options)

    def planted(self, run, metadata, arrays):
        """A file of a network, as of a run, whose options stand beside it."""
        folder = self.tool.folder / f"{self.model} {self.seed} planted"
        folder.mkdir(exist_ok=True)
        shutil.copy(run / "config.yml", folder)
        write(folder / "model.safetensors", metadata, arrays)
        return folder / "model.safetensors"

    def prepare(self):
        case, base = self.case, self.trained("base", "--norm", "batch")
        reference = network = base
        if case.colours:
            folder = self.tool.folder
            data = coloured(self.data, folder / "colours")
            reference = network = self.trained("colours", "--norm", "batch", data=data)
            self.healthy = self.tool.test(reference, data)
            self.test = coloured(self.data, folder / f"colours {case.colours.__name__.strip('<>')}", case.colours)
        elif case.tuned is not None:
            # Averages that are put back belong to the network that was gone on with.
            data = elsewhere(self.data, self.tool.folder / "elsewhere")
            reference = network = self.tuned(base, data)
            self.test = data
        elif case.network:
            file = self.tool.folder / f"{case.name}.yml"
            file.write_text(case.network)
            self.network = ["--model", f"file:{file}"]
            reference = network = self.trained(case.name, *case.train)
        elif case.train:
            network = self.trained(case.name, *case.train)
        elif case.kind == "early":
            # A state of a run that was to make many more steps.
            early = self.trained("early", "--norm", "batch", steps=STEPS[self.model] // 6)
            metadata, arrays = read(early / "model.safetensors")
            record = json.loads(metadata["renorm.checkpoint"])
            record["configuration"]["steps"] = STEPS[self.model]
            metadata["renorm.checkpoint"] = json.dumps(record)
            network = self.planted(early, metadata, arrays)
        elif case.file:
            self.trained("base early", "--norm", "batch", steps=STEPS[self.model] // 2)
            network = self.planted(base, *case.file(base))
        if case.remeasured:
            self.tool("recalibrate", network, "--estimator", "population")
            reference = network / "recalibrated.safetensors"
        if case.change:
            metadata, arrays = read(network / "model.safetensors")
            self.layers = case.change(arrays, read(base / "model.safetensors")[1]) if case.tuned is not None else case.change(arrays)
            network = self.planted(network, metadata, arrays)
        if case.target:
            self.test = changed(self.data, self.tool.folder / "target", case.target)
        if not case.colours:
            self.healthy = self.tool.test(reference, self.test if case.tuned is not None else f"idx:{self.data}")
        self.asked = [network]
        if case.options:
            # As a file from elsewhere, that says nothing of its ε.
            metadata, arrays = read(network / "model.safetensors")
            file = self.tool.folder / f"{self.model} {self.seed} plain.safetensors"
            write(file, {}, arrays)
            scaling = json.loads(metadata["renorm.checkpoint"])["scaling"]
            self.asked = ["--weights", file, *self.network, *case.options, "--mean", scaling["mean"][0], "--deviation",
                          scaling["deviation"][0]]

    def tuned(self, base, data):
        name = "tuned" + "".join(" " + option.strip("-").replace(",", " ") for option in self.case.tuned)
        folder = self.tool.folder / f"{self.model} {self.seed} {name}"
        if not (folder / "model.safetensors").exists():
            shutil.rmtree(folder, ignore_errors=True)
            self.tool("finetune", "--from", base, "--data", data, "--norm", "batch", "--unfreeze", "all", "--batch-size", 64, "--steps",
                      STEPS[self.model] // 2, "--optimizer", "sgd", "--learning-rate", 0.05, "--layer-decay", 1, "--augment", "none",
                      "--validation", 2000, "--seed", self.seed, *self.case.tuned, "--run", folder)
        return folder

    def diagnosis(self):
        options = ["--data", f"idx:{self.data}"] if self.case.options else []
        if self.case.target or self.case.colours and self.case.kind == "ill":
            options += ["--target", self.test]
        return self.tool.doctor(*self.asked, "--examples", 2000, *options)


def diagnose(tool, model, case, seed, data):
    """A line of the table."""
    subject = Subject(tool, model, case, seed, data)
    loss, accuracy = tool.test(subject.asked, subject.test)
    start = time.monotonic()
    events = subject.diagnosis()
    seconds = time.monotonic() - start
    findings = [event for event in events if event["event"] == "finding"]
    remedies = [event["remedy"]["measured_loss"] for event in findings if event["remedy"] and "measured_loss" in event["remedy"]]
    return [model, case.name, seed, case.kind, "|".join(sorted(case.expected)), "|".join(subject.layers), f"{loss:.4f}", f"{accuracy:.4f}",
            f"{subject.healthy[0]:.4f}", f"{subject.healthy[1]:.4f}", "|".join(event["cause"] for event in findings),
            "|".join(event["layer"] or "" for event in findings), f"{remedies[0]:.4f}" if remedies else "", f"{seconds:.1f}"]


def run(asked):
    table = asked.table
    if not table.exists():
        table.write_text(",".join(COLUMNS) + "\n")
    done = {(row["model"], row["case"], row["seed"]) for row in csv.DictReader(table.open())}
    folder = Path(asked.folder or tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    data = subset(folder / "data")
    tool = Tool(asked.renorm, asked.threads, folder)
    for model in asked.models.split(","):
        for seed in range(asked.first, asked.seeds + 1):
            for case in CASES + HEALTHY:
                if (model, case.name, str(seed)) in done or not (model == "small" or case.everywhere) or asked.only and asked.only not in case.name:
                    continue
                try:
                    row = diagnose(tool, model, case, seed, data)
                except RuntimeError as error:
                    print(f"{case.name}: {error}", file=sys.stderr, flush=True)
                    continue
                with table.open("a") as file:
                    csv.writer(file, lineterminator="\n").writerow(row)
                print(*row, sep="  ", flush=True)
    if not asked.folder:
        shutil.rmtree(folder, ignore_errors=True)


# MARK: scores

def costs(row):
    loss, healthy = float(row["loss"]), float(row["healthy_loss"])
    return not loss == loss or loss - healthy > 0.03 or float(row["healthy_accuracy"]) - float(row["accuracy"]) > 0.005


def score(asked):
    rows = list(csv.DictReader(asked.table.open()))
    for half, name in ((1, "odd seeds (thresholds)"), (0, "even seeds (score)")):
        own = [row for row in rows if int(row["seed"]) % 2 == half]
        ill = [row for row in own if row["kind"] == "ill" and costs(row)]
        healthy = [row for row in own if row["kind"] != "ill"]
        if not own:
            continue
        single = [row for row in ill if not row["case"].startswith("two at once")]
        double = [row for row in ill if row["case"].startswith("two at once")]
        detected = [row for row in ill if row["causes"]]
        right = [row for row in single if row["causes"].split("|")[0] in row["expected"].split("|")]
        both = [row for row in double if len(set(row["causes"].split("|")) & set(row["expected"].split("|"))) > 1]
        alarms = [row for row in healthy if row["causes"]]
        print(f"{name}: {len(detected)} of {len(ill)} detected, right cause first {len(right)} of {len(single)}, both of two {len(both)} of "
              f"{len(double)}, false alarms {len(alarms)} of {len(healthy)}; {sum(r['kind'] == 'ill' for r in own) - len(ill)} cost nothing")
        for row in ill:
            if row not in detected or (row in single and row not in right) or (row in double and row not in both):
                print(f"  {row['model']} {row['seed']} {row['case']}: expected {row['expected']}, found {row['causes'] or 'nothing'}")
        for row in alarms:
            print(f"  {row['model']} {row['seed']} {row['case']} is healthy: found {row['causes']}")


def export(asked):
    """Ill and healthy networks as state dicts under PyTorch's names, their pictures, and what is the matter with each: for other tools."""
    folder = Path(asked.folder or "ill")
    folder.mkdir(parents=True, exist_ok=True)
    data = subset(folder / "data")
    tool = Tool(asked.renorm, asked.threads, folder)
    with (folder / "cases.jsonl").open("w") as table:
        for model in asked.models.split(","):
            for case in CASES + HEALTHY:
                if not (model == "small" or case.everywhere) or asked.only and asked.only not in case.name:
                    continue
                subject = Subject(tool, model, case, asked.first, data)
                name = f"{model} {case.name}"
                weights = folder / f"{name}.safetensors"
                network = Path(subject.asked[0]) if len(subject.asked) == 1 else Path(subject.asked[1])
                if case.change or case.file or case.options:
                    # As they are, whatever is wrong with them.
                    _, arrays = read(network)
                    write(weights, {}, {key: array for key, array in arrays.items() if "." in key and not key.startswith("ema.")})
                else:
                    tool("export", network, "--to", "torch", "--output", weights)
                file = network / "model.safetensors" if network.is_dir() else network
                metadata = read(file)[0] or read(folder / f"{model} {asked.first} base" / "model.safetensors")[0]
                scaling = json.loads(metadata["renorm.checkpoint"])["scaling"]
                pictures = Path(subject.test.split(":", 1)[1])
                if case.target:
                    shutil.copytree(pictures, folder / "targets" / name, dirs_exist_ok=True)
                    pictures = folder / "targets" / name
                json.dump({"case": name, "kind": case.kind, "causes": sorted(case.expected), "layers": subject.layers,
                           "network": " ".join(subject.network), "options": list(case.options), "weights": weights.name,
                           "mean": scaling["mean"], "deviation": scaling["deviation"], "training": str(data.relative_to(folder)), "pictures": os.path.relpath(pictures, folder),
                           "healthy_loss": subject.healthy[0], "healthy_accuracy": subject.healthy[1]}, table, ensure_ascii=False)
                table.write("\n")
                print(name, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "score", "list", "export"])
    parser.add_argument("--models", default="small")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--only", help="cases whose names contain this")
    parser.add_argument("--folder", help="where runs are kept, to go on with them")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--renorm", default=str(ROOT / ".build/release/renorm"))
    asked = parser.parse_args()
    if asked.what == "list":
        for case in CASES + HEALTHY:
            print(f"{case.kind:8}{case.name:34}{'|'.join(sorted(case.expected))}")
        return
    {"run": run, "score": score, "export": export}[asked.what](asked)


if __name__ == "__main__":
    main()
