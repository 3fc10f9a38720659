#!/usr/bin/env python3
"""Turns weights of Keras (.keras, .weights.h5, .h5) into safetensors, which Renorm and others read without Keras.

    python3 scripts/keras_to_safetensors.py FILE [OUTPUT]

It needs h5py (pip install h5py), not Keras, and runs nothing that is in the file. Names are Keras' own, LAYER/VARIABLE, such as
block1_conv1/kernel; axes are as Keras has them (kernels of convolutions [height, width, in, out]); the order is the network's.
Where the file describes its network, the metadata have ε and momentum of each BatchNormalization, as JSON: keras.epsilon and
keras.momentum.
"""

import argparse
import io
import json
import os
import re
import struct
import sys
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

#: What safetensors calls NumPy's types.
TYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int8": "I8", "int16": "I16", "int32": "I32",
         "int64": "I64", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL"}

#: The variables of Keras 3's layers in the order in which they are saved; the last ones may be missing.
VARIABLES = {
    "separable_conv2d": ["depthwise_kernel", "pointwise_kernel", "bias"],
    "normalization": ["mean", "variance", "count"], "embedding": ["embeddings"], "p_re_lu": ["alpha"],
    "prelu": ["alpha"],
}
PLAIN = ["kernel", "bias"]
PLAIN_CLASSES = {"conv1d", "conv2d", "conv3d", "conv2d_transpose", "depthwise_conv1d", "depthwise_conv2d", "dense",
                 "einsum_dense"}
SCALED = {"batch_normalization", "layer_normalization", "group_normalization", "instance_normalization"}


class Problem(Exception):
    """What was found, what was expected, what to do."""


class Layer(NamedTuple):
    """A layer of a network's description."""

    name: str
    #: As Keras 3 calls it in files: the name of its class in small letters, and a number from the second on.
    path: str
    config: Dict


def snake_case(name: str) -> str:
    """Keras 3's own rule."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def described(config: Dict, path: str = "") -> Iterator[Layer]:
    """The layers of a network's description in its order, those of networks inside it too."""
    used: Dict[str, int] = {}
    for entry in config.get("config", {}).get("layers", []):
        kind = snake_case(entry["class_name"])
        used[kind] = used.get(kind, -1) + 1
        place = f"{path}layers/{kind}" + (f"_{used[kind]}" if used[kind] else "")
        settings = entry.get("config") or {}
        name = settings.get("name") or entry.get("name") or place
        yield Layer(name, place, {"class_name": entry["class_name"], **settings})
        if "layers" in settings:
            yield from described(entry, f"{place}/")
        # Layers that hold one other.
        elif isinstance(settings.get("layer"), dict):
            inner = settings["layer"]
            yield Layer(inner["config"]["name"], f"{place}/layer", {"class_name": inner["class_name"], **inner["config"]})


def attribute(group, name: str) -> List[str]:
    """A list of names, which Keras splits where it is long."""
    if name in group.attrs:
        parts = [group.attrs[name]]
    else:
        parts, number = [], 0
        while f"{name}{number}" in group.attrs:
            parts.append(group.attrs[f"{name}{number}"])
            number += 1
    return [value.decode() if isinstance(value, bytes) else str(value) for part in parts for value in part]


def variables(kind: str, count: int, config: Dict) -> List[str]:
    """The names of a layer's variables, as many as there are."""
    kind = re.sub(r"_\d+$", "", kind)
    if kind in SCALED:
        # Without a description all of them are there, or what is missing cannot be told.
        moving = ["moving_mean", "moving_variance"] if kind == "batch_normalization" else []
        names = ["gamma"] * config.get("scale", True) + ["beta"] * config.get("center", True) + moving
    elif kind in PLAIN_CLASSES:
        names = PLAIN
    else:
        names = VARIABLES.get(kind, [])
    known = names[:count] if kind not in SCALED or len(names) == count else []
    return known + [str(number) for number in range(len(known), count)]


def by_place(file, layers: List[Layer]) -> Iterator[Tuple[str, str, object]]:
    """Of Keras 3's files: layer, variable and values. Layers stand there by their classes, so names come from the description."""
    import h5py

    groups = []

    def collect(path, item):
        if isinstance(item, h5py.Group) and path.endswith("/vars") and len(item) and not path.startswith("optimizer"):
            groups.append(path)

    file.visititems(collect)
    order = {layer.path: number for number, layer in enumerate(layers)}
    known = {layer.path: layer for layer in layers}

    def natural(path):
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]

    def place(path):
        # Variables of a layer's own parts follow it.
        parts = path[:-len("/vars")]
        while parts and parts not in order:
            parts = parts.rpartition("/")[0]
        return (order.get(parts, len(order)), natural(path))

    for path in sorted(groups, key=place):
        inside = path[:-len("/vars")]
        layer = known.get(inside)
        group = file[path]
        saved_name = group.attrs.get("name")
        saved_name = saved_name.decode() if isinstance(saved_name, bytes) else saved_name
        name = layer.name if layer else saved_name or re.sub(r"(^|/)layers/", r"\1", inside)
        config = layer.config if layer else {}
        kind = snake_case(config["class_name"]) if layer else inside.rpartition("/")[2]
        keys = sorted(group, key=natural)
        names = variables(kind, len(keys), config) if all(key.isdigit() for key in keys) else keys
        for key, variable in zip(keys, names):
            yield name, variable, group[key]


def by_name(file) -> Iterator[Tuple[str, str, object]]:
    """Of the older format: layer, variable and values, under the names of both."""
    root = file["model_weights"] if "model_weights" in file else file
    for layer in attribute(root, "layer_names"):
        group = root[layer]
        for weight in attribute(group, "weight_names"):
            parts = re.sub(r":\d+$", "", weight).split("/")
            # A network inside the network has its layers' names in those of the weights.
            yield parts[-2] if len(parts) > 1 else layer, parts[-1], group[weight]


def opened(path: Path):
    """The HDF5 file and the network's description, where there is one."""
    try:
        import h5py
    except ImportError:
        raise Problem("h5py is not there. Expected it beside this Python. Install it: pip install h5py.")
    if not path.is_file():
        raise Problem(f"{path} is no file. Expected weights of Keras. Check the path.")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "model.weights.h5" not in names:
                raise Problem(f"{path} is an archive without model.weights.h5. Expected a .keras file. Check that this is the right file.")
            config = json.loads(archive.read("config.json")) if "config.json" in names else None
            content = io.BytesIO(archive.read("model.weights.h5"))
        return h5py.File(content, "r"), config
    if not h5py.is_hdf5(path):
        raise Problem(f"{path} is neither a .keras file nor HDF5. Expected weights of Keras. Check that this is the right file.")
    file = h5py.File(path, "r")
    config = file.attrs.get("model_config")
    return file, json.loads(config) if config is not None else None


def read(path: Path):
    """The arrays by name, in order, and the metadata."""
    import numpy

    file, config = opened(path)
    layers = list(described(config)) if config else []
    with file:
        is_old = "layer_names" in file.attrs or "layer_names0" in file.attrs or "model_weights" in file
        found = [(layer, variable, numpy.array(values)) for layer, variable, values in
                 (by_name(file) if is_old else by_place(file, layers))]
    arrays = {}
    for layer, variable, values in found:
        name = f"{layer}/{variable}"
        if name in arrays:
            raise Problem(f"{path} has two variables called {name}. Expected names that differ, also of networks inside the network. "
                          "Rename one of the layers in Keras and save again.")
        arrays[name] = values
    if not arrays:
        raise Problem(f"{path} has no weights. Expected those of a network. Save it in Keras again: model.save(\"model.keras\").")
    metadata = {"framework": "keras"}
    norms = [layer for layer in layers if layer.config["class_name"] == "BatchNormalization"]
    for key in ("epsilon", "momentum"):
        values = {layer.name: layer.config[key] for layer in norms if key in layer.config}
        if values:
            metadata[f"keras.{key}"] = json.dumps(values)
    return arrays, metadata


def write(path: Path, arrays: Dict, metadata: Dict[str, str]) -> None:
    """A safetensors file: all of it or nothing."""
    header, place = {"__metadata__": metadata}, 0
    for name, values in arrays.items():
        # NumPy itself has no bfloat16: Keras' come as two bytes each.
        kind = "BF16" if values.dtype.kind == "V" and values.dtype.itemsize == 2 else TYPES.get(values.dtype.name)
        if kind is None:
            raise Problem(f"{name} is of type {values.dtype}. Expected real or whole numbers. Leave it out in Keras.")
        header[name] = {"dtype": kind, "shape": list(values.shape),
                        "data_offsets": [place, place + values.nbytes]}
        place += values.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for values in arrays.values():
                little = values.astype(values.dtype.newbyteorder("<"), order="C", copy=False)
                file.write(little.tobytes())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def output_for(path: Path, output: Optional[str]) -> Path:
    if output:
        return Path(output)
    name = re.sub(r"(\.weights)?\.(keras|h5|hdf5)$", "", path.name)
    return path.with_name(f"{name}.safetensors")


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", metavar="FILE", help="weights of Keras: .keras, .weights.h5, .h5")
    parser.add_argument("output", metavar="OUTPUT", nargs="?", help="the safetensors file; beside FILE otherwise")
    options = parser.parse_args(arguments)
    path = Path(options.file)
    try:
        output = output_for(path, options.output)
        arrays, metadata = read(path)
        write(output, arrays, metadata)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except (OSError, KeyError, ValueError) as error:
        print(f"{path} cannot be read: {error}. Expected whole weights of Keras. Save or fetch the file again.", file=sys.stderr)
        return 1
    unnamed = [name for name in arrays if name.rpartition("/")[2].isdigit()]
    print(f"{output}: {len(arrays)} variables, {sum(values.nbytes for values in arrays.values()) / 1e6:.1f} MB"
          + (f"; {len(unnamed)} of them have numbers for names, because the file does not say what they are"
             if unnamed else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
