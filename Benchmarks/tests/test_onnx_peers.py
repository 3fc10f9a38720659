"""ONNX Runtime and OpenVINO compute the same of one file. Left out where they are not installed: run it by the peers' Python."""

import importlib.util
import subprocess
import sys
import unittest
from pathlib import Path

PEERS = Path(__file__).resolve().parent.parent / "peers"

#: Peers read their options when they are imported, so each batch is tried in a process of its own.
PROGRAM = """
import numpy as np, onnx_peer, openvino_peer
expected = onnx_peer.make()(1)
scale = np.sqrt(np.mean(expected ** 2))
for mode in (openvino_peer.latency, *([openvino_peer.throughput] if openvino_peer.options.batch % 2 == 0 else [])):
    found = mode()(2)
    assert found.shape == expected.shape, found.shape
    difference = abs(found - expected).max() / scale
    # In bf16 it would be 0.01.
    assert difference < 1e-4, (mode.__name__, difference)
"""


@unittest.skipUnless(
    all(importlib.util.find_spec(name) for name in ("onnxruntime", "openvino")), "the peers are not installed")
class OnnxPeersTests(unittest.TestCase):
    def test_outputs_agree(self):
        for network, size, batch in [("small", "28x28x1", 4), ("mobilenetv2", "224x224x3", 1), ("resnet18", "32x32x3", 2)]:
            with self.subTest(network):
                done = subprocess.run(
                    [sys.executable, "-c", PROGRAM, "--model", network, "--input", size, "--batch", str(batch), "--mode",
                     "inference"], cwd=PEERS, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
