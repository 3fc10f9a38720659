"""Keras' files become safetensors under Keras' names. Where h5py is not there, what needs it is left out."""

import contextlib
import importlib.util
import io
import json
import struct
import tempfile
import unittest
import zipfile
from pathlib import Path

import keras_to_safetensors as keras

HAS_H5PY = importlib.util.find_spec("h5py") is not None

#: A network with another inside it: two classes of layers, each twice.
NETWORK = {
    "class_name": "Functional", "config": {"layers": [
        {"class_name": "InputLayer", "config": {"name": "input"}},
        {"class_name": "Conv2D", "config": {"name": "stem", "use_bias": False}},
        {"class_name": "BatchNormalization", "config": {"name": "stem_bn", "epsilon": 0.001, "momentum": 0.9}},
        {"class_name": "Functional", "config": {"name": "base", "layers": [
            {"class_name": "SeparableConv2D", "config": {"name": "sep"}},
            {"class_name": "BatchNormalization", "config": {"name": "sep_bn", "scale": False, "epsilon": 0.01}}]}},
        {"class_name": "Conv2D", "config": {"name": "head"}}]}}


class KerasTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="renorm keras ")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def converted(self, path):
        """What main writes: the header in its order, each tensor's bytes, and what is printed."""
        output = self.folder / "out.safetensors"
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(keras.main([str(path), str(output)]), 0)
        content = output.read_bytes()
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:8 + size])
        data = content[8 + size:]
        metadata = header.pop("__metadata__")
        self.assertEqual(size % 8, 0)
        return {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
                for name, entry in header.items()}, metadata, said.getvalue()

    def test_layers_have_the_places_that_keras_gives_them(self):
        self.assertEqual([(layer.name, layer.path) for layer in keras.described(NETWORK)], [
            ("input", "layers/input_layer"), ("stem", "layers/conv2d"), ("stem_bn", "layers/batch_normalization"),
            ("base", "layers/functional"), ("sep", "layers/functional/layers/separable_conv2d"),
            ("sep_bn", "layers/functional/layers/batch_normalization"), ("head", "layers/conv2d_1")])

    def test_variables_are_those_that_a_layer_has(self):
        self.assertEqual(keras.variables("conv2d", 1, {}), ["kernel"])
        self.assertEqual(keras.variables("separable_conv2d_3", 2, {}), ["depthwise_kernel", "pointwise_kernel"])
        self.assertEqual(
            keras.variables("batch_normalization", 3, {"scale": False}), ["beta", "moving_mean", "moving_variance"])
        # Which of them is missing cannot be told.
        self.assertEqual(keras.variables("batch_normalization_1", 3, {}), ["0", "1", "2"])
        self.assertEqual(keras.variables("own_layer", 2, {}), ["0", "1"])

    def test_other_files_are_refused(self):
        for name, content, message in (
                ("a.h5", b"text", "neither a .keras file nor HDF5" if HAS_H5PY else "h5py is not there"),
                ("missing.h5", None, "is no file" if HAS_H5PY else "h5py is not there")):
            if content is not None:
                (self.folder / name).write_bytes(content)
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(keras.main([str(self.folder / name)]), 1)
            self.assertIn(message, said.getvalue())
        self.assertFalse(list(self.folder.glob("*.safetensors")))

    def test_output_stands_beside_the_file(self):
        for name in ("net.keras", "net.weights.h5", "net.h5", "net"):
            self.assertEqual(keras.output_for(Path("a") / name, None), Path("a/net.safetensors"))

    def keras_file(self, groups):
        import h5py
        import numpy

        content = io.BytesIO()
        with h5py.File(content, "w") as file:
            for path, count in groups.items():
                for number in range(count):
                    file[f"{path}/vars/{number}"] = numpy.full((2, 3), number, "float32")
            file["optimizer/vars/0"] = numpy.zeros(1)
        return content.getvalue()

    GROUPS = {"layers/conv2d": 1, "layers/conv2d_1": 2, "layers/batch_normalization": 4,
              "layers/functional/layers/separable_conv2d": 3, "layers/functional/layers/batch_normalization": 3}

    @unittest.skipUnless(HAS_H5PY, "h5py is not there")
    def test_a_keras_file_has_the_networks_names_and_order(self):
        with zipfile.ZipFile(self.folder / "net.keras", "w") as archive:
            archive.writestr("config.json", json.dumps(NETWORK))
            archive.writestr("model.weights.h5", self.keras_file(self.GROUPS))
        arrays, metadata, said = self.converted(self.folder / "net.keras")
        self.assertEqual(list(arrays), [
            "stem/kernel", "stem_bn/gamma", "stem_bn/beta", "stem_bn/moving_mean", "stem_bn/moving_variance",
            "sep/depthwise_kernel", "sep/pointwise_kernel", "sep/bias", "sep_bn/beta", "sep_bn/moving_mean",
            "sep_bn/moving_variance", "head/kernel", "head/bias"])
        self.assertEqual(arrays["stem_bn/moving_variance"], ("F32", [2, 3], struct.pack("<6f", *[3] * 6)))
        self.assertEqual(json.loads(metadata["keras.epsilon"]), {"stem_bn": 0.001, "sep_bn": 0.01})
        self.assertEqual(json.loads(metadata["keras.momentum"]), {"stem_bn": 0.9})
        self.assertEqual(metadata["framework"], "keras")
        self.assertIn("13 variables", said)

    @unittest.skipUnless(HAS_H5PY, "h5py is not there")
    def test_weights_without_a_description_are_named_as_far_as_they_can(self):
        (self.folder / "net.weights.h5").write_bytes(self.keras_file(self.GROUPS))
        arrays, metadata, said = self.converted(self.folder / "net.weights.h5")
        self.assertIn("conv2d_1/bias", arrays)
        self.assertIn("functional/batch_normalization/2", arrays)
        self.assertEqual(metadata, {"framework": "keras"})
        self.assertIn("3 of them have numbers for names", said)

    @unittest.skipUnless(HAS_H5PY, "h5py is not there")
    def test_the_older_format_names_its_weights(self):
        import h5py
        import numpy

        with h5py.File(self.folder / "net.h5", "w") as file:
            file.attrs["layer_names"] = [b"base", b"fc"]
            file.create_group("base").attrs["weight_names"] = [b"conv1/kernel:0", b"conv1_bn/gamma:0"]
            file["base/conv1/kernel:0"] = numpy.zeros((1, 2), "float16")
            file["base/conv1_bn/gamma:0"] = numpy.ones(2, ">f4")
            # A long list is in parts.
            group = file.create_group("fc")
            group.attrs["weight_names0"], group.attrs["weight_names1"] = [b"fc/kernel:0"], [b"bias:0"]
            file["fc/fc/kernel:0"], file["fc/bias:0"] = numpy.zeros(1, "int64"), numpy.zeros(1)
        arrays, _, _ = self.converted(self.folder / "net.h5")
        self.assertEqual([(name, kind) for name, (kind, _, _) in arrays.items()], [
            ("conv1/kernel", "F16"), ("conv1_bn/gamma", "F32"), ("fc/kernel", "I64"), ("fc/bias", "F64")])
        self.assertEqual(arrays["conv1_bn/gamma"][2], struct.pack("<2f", 1, 1))


if __name__ == "__main__":
    unittest.main()
