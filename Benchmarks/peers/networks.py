"""The networks that are compared, described once: every peer builds them from these lists of layers.

They are the networks of Sources/RenormLayers/Models, which are torchvision's: `small`, ResNet-18 and -50 (with CIFAR's
stem for images up to 64 pixels), MobileNetV2. Convolutions have no bias; a normalization follows each.
"""

from collections import namedtuple

Conv = namedtuple("Conv", "inputs outputs kernel stride padding groups")
Norm = namedtuple("Norm", "channels")
#: `limit` is 6 for ReLU6, else None.
Relu = namedtuple("Relu", "limit")
MaxPool = namedtuple("MaxPool", "kernel stride padding")
#: `shortcut` is a list of layers; an empty one is the identity.
Residual = namedtuple("Residual", "body shortcut")
GlobalAverage = namedtuple("GlobalAverage", "")
Dropout = namedtuple("Dropout", "rate")
Dense = namedtuple("Dense", "inputs outputs")

NAMES = ["small", "resnet18", "resnet50", "mobilenetv2"]


def network(name, size, classes):
    """The layers of a network for images of `size` = (height, width, channels)."""
    if name == "small":
        return small(size[2], classes)
    if name == "resnet18":
        return resnet([2, 2, 2, 2], False, size, classes)
    if name == "resnet50":
        return resnet([3, 4, 6, 3], True, size, classes)
    if name == "mobilenetv2":
        return mobilenetv2(size[2], classes)
    raise ValueError(f"found the network '{name}'; expected one of {', '.join(NAMES)}")


def unit(inputs, outputs, kernel, stride=1, groups=1, limit=None):
    """Convolution (padded so that stride 1 keeps the size), normalization, ReLU."""
    return [*linear(inputs, outputs, kernel, stride, groups), Relu(limit)]


def linear(inputs, outputs, kernel, stride=1, groups=1):
    """Convolution and normalization."""
    return [Conv(inputs, outputs, kernel, stride, kernel // 2, groups), Norm(outputs)]


def small(channels, classes):
    layers = []
    for outputs, pools in [(32, False), (32, True), (64, False), (64, True), (128, False)]:
        layers += unit(channels, outputs, 3)
        layers += [MaxPool(2, 2, 0)] if pools else []
        channels = outputs
    return [*layers, GlobalAverage(), Dense(channels, classes)]


def resnet(blocks, bottlenecks, size, classes):
    if size[0] > 64:
        layers = [*unit(size[2], 64, 7, stride=2), MaxPool(3, 2, 1)]
    else:
        layers = unit(size[2], 64, 3)
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        outputs = 4 * width if bottlenecks else width
        for index in range(count):
            stride = 2 if stage > 0 and index == 0 else 1
            if bottlenecks:
                body = [*unit(channels, width, 1), *unit(width, width, 3, stride), *linear(width, outputs, 1)]
            else:
                body = [*unit(channels, width, 3, stride), *linear(width, outputs, 3)]
            changes = stride != 1 or channels != outputs
            shortcut = linear(channels, outputs, 1, stride) if changes else []
            layers += [Residual(body, shortcut), Relu(None)]
            channels = outputs
    return [*layers, GlobalAverage(), Dense(channels, classes)]


def mobilenetv2(channels, classes):
    layers = unit(channels, 32, 3, stride=2, limit=6)
    channels = 32
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, outputs, count, first in stages:
        for index in range(count):
            stride = first if index == 0 else 1
            wide = channels * expansion
            body = unit(channels, wide, 1, limit=6) if expansion != 1 else []
            body += [*unit(wide, wide, 3, stride, groups=wide, limit=6), *linear(wide, outputs, 1)]
            layers += [Residual(body, [])] if stride == 1 and channels == outputs else body
            channels = outputs
    return [*layers, *unit(channels, 1280, 1, limit=6), GlobalAverage(), Dropout(0.2), Dense(1280, classes)]


def parameter_count(layers):
    """How many numbers are trained, with a scale and a shift for each normalized channel."""
    count = 0
    for layer in layers:
        if isinstance(layer, Conv):
            count += layer.outputs * (layer.inputs // layer.groups) * layer.kernel ** 2
        elif isinstance(layer, Norm):
            count += 2 * layer.channels
        elif isinstance(layer, Dense):
            count += (layer.inputs + 1) * layer.outputs
        elif isinstance(layer, Residual):
            count += parameter_count(layer.body) + parameter_count(layer.shortcut)
    return count
