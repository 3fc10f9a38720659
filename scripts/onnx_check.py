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


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if sys.argv[1] == "check":
        sys.exit(check(folder) != 0)
