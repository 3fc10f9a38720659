"""Checks ONNX out and in on whole networks, beside ONNX Runtime and PyTorch (by hand; needs torch, torchvision, onnx,
onnxruntime, safetensors, numpy).

    python3 scripts/onnx_check.py make FOLDER      networks of torchvision, by both exporters of torch
    RENORM_ONNX_CHECK=FOLDER swift test -c release --filter CheckedByHand
    python3 scripts/onnx_check.py check FOLDER     what was written there: onnx.checker, ONNX Runtime's outputs
"""

import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file


def run(path, images):
    """The outputs of ONNX Runtime on the CPU."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def check(folder):
    """Every network in FOLDER/out is valid, and gives what ours gave, at batch 1 and 5."""
    worst, failures = 0, 0
    for path in sorted((folder / "out").glob("*.onnx")):
        try:
            onnx.checker.check_model(str(path), full_check=True)
            expected = load_file(path.with_suffix(".safetensors"))
            for batch in (5, 1):
                images, logits = expected["images"][:batch], expected["logits"][:batch]
                gap = numpy.abs(run(path, images) - logits).max() / max(numpy.abs(logits).max(), 1e-30)
                worst = max(worst, gap)
                kinds = {}
                for node in onnx.load(path, load_external_data=False).graph.node:
                    kinds[node.op_type] = kinds.get(node.op_type, 0) + 1
                failures += not gap < 1e-4
                if batch == 5 or gap >= 1e-4:
                    print(f"{path.stem}: batch {batch}, {gap:.1e} of the largest", "" if gap < 1e-4 else "WRONG", kinds)
        except Exception as error:
            failures += 1
            print(f"{path.stem}: {type(error).__name__}: {error}")
    print(f"worst {worst:.1e}, {failures} wrong")
    return failures


def make(folder):
    """FOLDER/in: networks of torchvision with random weights and statistics, as torch's two exporters write them."""
    import torch

    # The operators of torchvision's own library are not needed; without it the package cannot be imported.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    target = folder / "in"
    target.mkdir(parents=True, exist_ok=True)
    (folder / "out").mkdir(exist_ok=True)
    for name, size in [("resnet18", 96), ("mobilenet_v3_small", 96), ("mobilenet_v3_large", 96), ("densenet121", 96),
                       ("efficientnet_b0", 96), ("inception_v3", 160), ("shufflenet_v2_x0_5", 96), ("mobilenet_v2", 96),
                       ("convnext_tiny", 96), ("vgg11", 64), ("regnet_y_400mf", 96), ("googlenet", 96),
                       ("squeezenet1_1", 96), ("mnasnet0_5", 96), ("resnext50_32x4d", 96)]:
        torch.manual_seed(1)
        more = {"init_weights": False} if name in ("inception_v3", "googlenet") else {}
        model = getattr(torchvision.models, name)(num_classes=10, **more).eval()
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if key.endswith("running_mean"):
                    value.normal_(0, 0.1)
                elif key.endswith("running_var"):
                    value.uniform_(0.7, 1.3)
        images = torch.randn(2, 3, size, size)
        with torch.no_grad():
            logits = model(images)
        variants = [("new", dict(dynamo=True)), ("old", dict(dynamo=False, opset_version=17)),
                    ("old-unfolded", dict(dynamo=False, opset_version=13, do_constant_folding=False,
                                          training=torch.onnx.TrainingMode.PRESERVE))]
        for suffix, options in variants:
            path = target / f"{name}-{suffix}.onnx"
            try:
                if options["dynamo"]:
                    options = dict(options, dynamic_shapes={"x": {0: torch.export.Dim("N")}}, external_data=name == "vgg11")
                else:
                    options = dict(options, dynamic_axes={"images": {0: "N"}}, input_names=["images"])
                torch.onnx.export(model, (images,), str(path), verbose=False, **options)
                ours = run(path, images.numpy())
                print(path.stem, numpy.abs(ours - logits.numpy()).max() / numpy.abs(ours).max())
                save_file({"images": images.numpy(), "logits": ours}, path.with_suffix(".safetensors"))
            except Exception as error:
                print(path.stem, "not exported:", str(error)[:300])


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[1] == "make":
        make(folder)
    if sys.argv[1] == "check":
        sys.exit(check(folder) != 0)
