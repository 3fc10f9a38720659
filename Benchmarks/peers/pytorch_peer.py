"""PyTorch's training step or inference. Modes: contiguous or channels-last layout, eager or torch.compile."""

import os

import protocol

options = protocol.parse(__doc__)
if options.mode == "inference":
    os.environ.setdefault("TORCHINDUCTOR_FREEZING", "1")

import torch
import torch.nn.functional as F
from torch import nn

import networks


class BatchRenorm(nn.Module):
    """Batch renorm in PyTorch's operations: one more pass for the moments, the correction folded into scale and shift."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_std", torch.ones(channels))

    def forward(self, x):
        if not self.training:
            scale = self.weight / self.running_std
            shift = self.bias - self.running_mean * scale
            return x * scale[:, None, None] + shift[:, None, None]
        with torch.no_grad():
            variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
            deviation = (variance + protocol.EPSILON).sqrt()
            r = (deviation / self.running_std).clamp(1 / protocol.R_MAX, protocol.R_MAX)
            d = ((mean - self.running_mean) / self.running_std).clamp(-protocol.D_MAX, protocol.D_MAX)
            self.running_mean.lerp_(mean, protocol.AVERAGING_RATE)
            self.running_std.lerp_(deviation, protocol.AVERAGING_RATE)
        return F.batch_norm(
            x, None, None, self.weight * r, self.weight * d + self.bias, training=True, eps=protocol.EPSILON)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        y = self.body(x)
        y += self.shortcut(x)
        return y


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def module(layer):
    if isinstance(layer, networks.Conv):
        return nn.Conv2d(
            layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, groups=layer.groups, bias=False)
    if isinstance(layer, networks.Norm):
        if options.norm == "batch":
            return nn.BatchNorm2d(layer.channels)
        if options.norm == "batch-renorm":
            return BatchRenorm(layer.channels)
        return nn.GroupNorm(int(options.norm.split(":")[1]), layer.channels)
    if isinstance(layer, networks.Relu):
        return nn.ReLU6(inplace=True) if layer.limit else nn.ReLU(inplace=True)
    if isinstance(layer, networks.MaxPool):
        return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, networks.Residual):
        return Residual(sequential(layer.body), sequential(layer.shortcut))
    if isinstance(layer, networks.GlobalAverage):
        return GlobalAverage()
    if isinstance(layer, networks.Dropout):
        return nn.Dropout(layer.rate)
    return nn.Linear(layer.inputs, layer.outputs)


def sequential(layers):
    return nn.Sequential(*map(module, layers))


def make(layout, compiler):
    torch.manual_seed(0)
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    model = sequential(networks.network(options.model, options.input, options.classes)).to(memory_format=memory_format)
    height, width, channels = options.input
    images = torch.randn(options.batch, channels, height, width).contiguous(memory_format=memory_format)
    precise = options.precision == "f32"

    def logits():
        if precise:
            return model(images)
        with torch.autocast("cpu", torch.bfloat16):
            return model(images)

    if options.mode == "inference":
        model.eval()
        evaluate = torch.compile(logits) if compiler == "compiled" else logits

        def infer(count):
            with torch.no_grad():
                for _ in range(count):
                    evaluate()

        return infer

    model.train()
    labels = torch.randint(0, options.classes, (options.batch,))
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": protocol.DECAY},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, protocol.RATE, protocol.MOMENTUM, nesterov=True, fused=True)

    def loss():
        return F.cross_entropy(logits().float(), labels)

    evaluate = torch.compile(loss) if compiler == "compiled" else loss

    def train(count):
        for _ in range(count):
            optimizer.zero_grad(set_to_none=True)
            evaluate().backward()
            optimizer.step()

    return train


def main():
    torch.set_num_threads(options.threads)
    protocol.serve("pytorch", torch.__version__, options, {
        f"{layout}/{compiler}": lambda layout=layout, compiler=compiler: make(layout, compiler)
        for compiler in ("eager", "compiled")
        for layout in ("channels_last", "contiguous")
    })


if __name__ == "__main__":
    main()
