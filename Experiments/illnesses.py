#!/usr/bin/env python3
"""Planted illnesses and healthy runs: what the doctor says of each.

    make build data; python3 Experiments/illnesses.py run --seeds 2       # writes Experiments/illnesses.csv; what is there already stays
    python3 Experiments/illnesses.py score                                # detection, right cause first, false alarms, by half of the seeds
    python3 Experiments/illnesses.py list                                 # every case, and what it has to be called
    python3 Experiments/illnesses.py export --folder ill                  # the ill networks as PyTorch state dicts (.safetensors), for other tools

Each seed trains a few networks; an illness is a change of one of them, or of its data, or a run of its own. Odd seeds are for choosing thresholds,
even ones for scoring. An illness counts only if it costs something: more than 0.03 nats or half a point beside the healthy network, which is measured
on test images that the doctor does not see; what costs less is written down, and left out of the score.
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
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "Experiments/illnesses.csv"
FASHION = ROOT / ".deps/fashion-mnist"
COLUMNS = ["model", "case", "seed", "kind", "expected", "layers", "loss", "accuracy", "healthy_loss", "healthy_accuracy", "causes", "found_layers",
           "remedy_loss", "seconds"]
NETWORKS = {"small": ["--model", "small:0.5"], "resnet18": ["--model", "resnet18"], "mobilenetv2": ["--model", "mobilenetv2"]}
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
        done = subprocess.run([self.program, command, *map(str, options), "--threads", str(self.threads), "--log", "json"],
                              capture_output=True, text=True)
        if done.returncode not in codes:
            raise RuntimeError(f"renorm {command} {' '.join(map(str, options))}: {done.returncode}\n{done.stderr[-1500:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def train(self, name, *options):
        folder = self.folder / name
        if not (folder / "model.safetensors").exists():
            shutil.rmtree(folder, ignore_errors=True)
            self("train", *options, "--run", folder)
        return folder

    def doctor(self, network, *options):
        return self("doctor", network, *options, codes=(0, 1))

    def test(self, network, data):
        try:
            event = [event for event in self("evaluate", network, "--data", data) if event["event"] == "evaluation"][0]
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


def dead(share):
    """Filters that give nothing any more, while averages are those of before."""
    def change(arrays):
        layer = middle(arrays)
        weights = [name for name, array in arrays.items() if name.endswith(".weight") and array.ndim == 4]
        before = [name for name in weights if list(arrays).index(name) < list(arrays).index(f"{layer}.weight")][-1]
        count = max(int(arrays[before].shape[0] * share), 1)
        arrays[f"{layer}.bias"][:count] = -50
        return [layer]
    return change


def both(*changes):
    def change(arrays):
        return [layer for one in changes for layer in one(arrays)]
    return change


# MARK: cases

class Case:
    """Something that is diagnosed: a change of the file of a base network, or of the target's pictures, or a run of its own."""

    def __init__(self, name, expected, change=None, target=None, train=None, options=(), file=None, kind="ill"):
        self.name, self.expected, self.change, self.target = name, expected, change, target
        self.train, self.options, self.file, self.kind = train, options, file, kind


def darkened(images): return images * 0.3
def inverted(images): return 255 - images
def brighter(images): return np.minimum(images.astype(int) + 100, 255)
def upside_down(images): return images[:, ::-1]
def transposed(images): return images.transpose(0, 2, 1)


def noisy(images):
    return np.clip(images + np.random.default_rng(0).normal(0, 60, images.shape), 0, 255)


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
    Case("rate 0.0005", STALE, train=["--norm", "batch rate=0.0005"]),
    Case("one label × 8", {"biased-batches"}, train=["--norm", "batch", "--batch-size", "8", "--sampling", "label-blocks:1x8"]),
    Case("two labels × 8", {"biased-batches"}, train=["--norm", "batch", "--batch-size", "16", "--sampling", "label-blocks:2x8"]),
    Case("sorted data", {"biased-batches"}, train=["--norm", "batch", "--sampling", "sorted"]),
    Case("rate 1, one label", NOISY | {"biased-batches"}, train=["--norm", "batch rate=1", "--batch-size", "8", "--sampling", "label-blocks:1x8"]),
    Case("rate 0.9, batches of 4", NOISY, train=["--norm", "batch rate=0.9", "--batch-size", "4"]),
    Case("ε of 0.1 in place of 1e-5", {"epsilon"}, train=["--norm", "batch epsilon=0.1"], options=["--epsilon", "1e-5"]),
    Case("weights averaged", {"averaged-weights", "stale-averages"}, file=averaged),
]
HEALTHY = [
    Case("BN", set(), kind="healthy", train=["--norm", "batch"]),
    Case("BN, batches of 16", set(), kind="healthy", train=["--norm", "batch", "--batch-size", "16"]),
    Case("BRN", set(), kind="healthy", train=["--norm", "batch-renorm"]),
    Case("BRN, batches of 8", set(), kind="healthy", train=["--norm", "batch-renorm", "--batch-size", "8"]),
    Case("BRN, two labels × 8", set(), kind="healthy", train=["--norm", "batch-renorm", "--batch-size", "16", "--sampling", "label-blocks:2x8"]),
    Case("GN", set(), kind="healthy", train=["--norm", "group:8"]),
    Case("heavy augmentation", set(), kind="healthy", train=["--norm", "batch", "--augment", "standard"]),
    Case("label smoothing, EMA", set(), kind="healthy", train=["--norm", "batch", "--label-smoothing", "0.1", "--ema", "0.02"]),
    Case("early in training", set(), kind="early"),
    Case("the same target", set(), kind="healthy", target=lambda images: images),
]


def diagnose(tool, model, case, seed, data, steps):
    """A line of the table."""
    common = ["--data", f"idx:{data}", *NETWORKS[model], "--learning-rate", 0.1, "--seed", seed, "--validation", 2000]

    def run(name, options, count=steps):
        batch = [] if "--batch-size" in options else ["--batch-size", 64]
        return tool.train(f"{model} {seed} {name}", *common, "--steps", count, *batch, *options)

    base = run("base", ["--norm", "batch"])
    healthy = tool.test(base, f"idx:{data}")
    network, layers = base, []
    if case.train is not None:
        network = run(case.name, case.train)
    if case.file is averaged:
        run("base early", ["--norm", "batch"], steps // 2)
        metadata, arrays = case.file(base)
    if case.kind == "early":
        # A state of a run that was to make many more steps.
        metadata, arrays = read(run("early", ["--norm", "batch"], steps // 6) / "model.safetensors")
        record = json.loads(metadata["renorm.checkpoint"])
        record["configuration"]["steps"] = steps
        metadata["renorm.checkpoint"] = json.dumps(record)
    if case.change or case.file or case.kind == "early":
        if case.change:
            metadata, arrays = read(base / "model.safetensors")
            layers = case.change(arrays)
        network = tool.folder / f"{model} {seed} planted.safetensors"
        write(network, metadata, arrays)
        shutil.copy(base / "config.yml", tool.folder / "config.yml")
    options, test = list(case.options), f"idx:{data}"
    if options and case.train:
        # As a file from elsewhere, that says nothing of its ε.
        _, arrays = read(network / "model.safetensors")
        plain = tool.folder / f"{model} {seed} plain.safetensors"
        write(plain, {}, arrays)
        scaling = json.loads(read(network / "model.safetensors")[0]["renorm.checkpoint"])["scaling"]
        options = ["--weights", plain, *NETWORKS[model], "--data", f"idx:{data}", "--mean", scaling["mean"][0], "--deviation",
                   scaling["deviation"][0], *options]
        network = None
    if case.target:
        test = changed(data, tool.folder / "target", case.target)
        options += ["--target", test]
    named = [network] if network else []
    loss, accuracy = tool.test(network, test) if network else (float("nan"), float("nan"))
    start = time.monotonic()
    events = tool("doctor", *named, "--examples", 2000, *options, codes=(0, 1))
    seconds = time.monotonic() - start
    findings = [event for event in events if event["event"] == "finding"]
    remedies = [event["remedy"]["measured_loss"] for event in findings if event["remedy"] and "measured_loss" in event["remedy"]]
    return [model, case.name, seed, case.kind, "|".join(sorted(case.expected)), "|".join(layers), f"{loss:.4f}", f"{accuracy:.4f}", f"{healthy[0]:.4f}",
            f"{healthy[1]:.4f}", "|".join(event["cause"] for event in findings), "|".join(event["layer"] or "" for event in findings),
            f"{remedies[0]:.4f}" if remedies else "", f"{seconds:.1f}"]


def run(asked):
    if not TABLE.exists():
        TABLE.write_text(",".join(COLUMNS) + "\n")
    done = {(row["model"], row["case"], row["seed"]) for row in csv.DictReader(TABLE.open())}
    folder = Path(asked.folder or tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    data = subset(folder / "data")
    tool = Tool(asked.renorm, asked.threads, folder)
    for model in asked.models.split(","):
        for seed in range(1, asked.seeds + 1):
            for case in CASES + HEALTHY:
                if (model, case.name, str(seed)) in done or (asked.only and asked.only not in case.name):
                    continue
                try:
                    row = diagnose(tool, model, case, seed, data, asked.steps)
                except RuntimeError as error:
                    print(f"{case.name}: {error}", file=sys.stderr, flush=True)
                    continue
                with TABLE.open("a") as file:
                    csv.writer(file, lineterminator="\n").writerow(row)
                print(*row, sep="  ", flush=True)
    if not asked.folder:
        shutil.rmtree(folder, ignore_errors=True)


# MARK: scores

def costs(row):
    loss, healthy = float(row["loss"]), float(row["healthy_loss"])
    return not loss == loss or loss - healthy > 0.03 or float(row["healthy_accuracy"]) - float(row["accuracy"]) > 0.005


def score(asked):
    rows = list(csv.DictReader(TABLE.open()))
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
    """The ill networks as state dicts under PyTorch's names: what other tools read."""
    folder = Path(asked.folder or "ill")
    folder.mkdir(parents=True, exist_ok=True)
    data = subset(folder / "data")
    tool = Tool(asked.renorm, asked.threads, folder)
    for model in asked.models.split(","):
        base = tool.train(f"{model} 1 base", "--data", f"idx:{data}", *NETWORKS[model], "--learning-rate", 0.1, "--seed", 1, "--validation", 2000,
                          "--steps", asked.steps, "--batch-size", 64, "--norm", "batch")
        for case in CASES:
            if case.change:
                _, arrays = read(base / "model.safetensors")
                layers = case.change(arrays)
                write(folder / f"{model} {case.name}.safetensors", {"illness": "|".join(sorted(case.expected)), "layers": "|".join(layers)}, arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "score", "list", "export"])
    parser.add_argument("--models", default="small")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=800)
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
