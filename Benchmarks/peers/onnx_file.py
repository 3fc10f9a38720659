"""The networks as ONNX, for peers that read it: weights that a trained network could have, always the same."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import networks
import protocol


class Writer:
    """Collects the nodes and weights of a graph."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0
        self.random = np.random.default_rng(0)

    def weight(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def add(self, kind, inputs, **attributes):
        self.count += 1
        output = f"x{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def apply_all(self, layers, x):
        for layer in layers:
            x = self.apply(layer, x)
        return x

    def apply(self, layer, x):
        if isinstance(layer, networks.Conv):
            shape = (layer.outputs, layer.inputs // layer.groups, layer.kernel, layer.kernel)
            deviation = (2 / (layer.kernel ** 2 * layer.outputs / layer.groups)) ** 0.5
            return self.add(
                "Conv", [x, self.weight(self.random.normal(0, deviation, shape))], kernel_shape=[layer.kernel] * 2,
                strides=[layer.stride] * 2, pads=[layer.padding] * 4, group=layer.groups)
        if isinstance(layer, networks.Norm):
            # Values that a trained network could have, so that folding has something to do.
            values = [self.random.uniform(low, 1.5, layer.channels) for low in (0.5, -0.5, -0.5, 0.5)]
            names = [self.weight(value) for value in values]
            return self.add("BatchNormalization", [x, *names], epsilon=protocol.EPSILON)
        if isinstance(layer, networks.Relu):
            if layer.limit:
                return self.add("Clip", [x, self.weight(np.array(0.0)), self.weight(np.array(layer.limit))])
            return self.add("Relu", [x])
        if isinstance(layer, networks.MaxPool):
            return self.add(
                "MaxPool", [x], kernel_shape=[layer.kernel] * 2, strides=[layer.stride] * 2, pads=[layer.padding] * 4)
        if isinstance(layer, networks.Residual):
            return self.add("Add", [self.apply_all(layer.body, x), self.apply_all(layer.shortcut, x)])
        if isinstance(layer, networks.GlobalAverage):
            return self.add("Flatten", [self.add("GlobalAveragePool", [x])])
        if isinstance(layer, networks.Dropout):
            return x
        kernel = self.weight(self.random.normal(0, 0.01, (layer.outputs, layer.inputs)))
        return self.add("Gemm", [x, kernel, self.weight(np.zeros(layer.outputs))], transB=1)


def model(options) -> bytes:
    """The network of a peer's options, for batches of images [N, C, H, W] under the name `images`."""
    writer = Writer()
    height, width, channels = options.input
    result = writer.apply_all(networks.network(options.model, options.input, options.classes), "images")
    graph = helper.make_graph(
        writer.nodes, options.model,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [options.batch, channels, height, width])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, [options.batch, options.classes])],
        writer.weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def images(options):
    """A batch for it."""
    height, width, channels = options.input
    return np.random.default_rng(1).normal(size=(options.batch, channels, height, width)).astype(np.float32)
