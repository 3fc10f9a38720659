"""The networks of the peers are torchvision's: they have as many parameters."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))

import networks


class NetworksTests(unittest.TestCase):
    def test_parameters(self):
        for name, size, classes, count in [
            ("resnet18", (224, 224, 3), 1000, 11_689_512),
            ("resnet50", (224, 224, 3), 1000, 25_557_032),
            ("mobilenetv2", (224, 224, 3), 1000, 3_504_872),
            ("small", (28, 28, 1), 10, 140_458),
            # CIFAR's stem has 3×3 weights in place of 7×7.
            ("resnet18", (32, 32, 3), 1000, 11_689_512 - 64 * 3 * (49 - 9)),
        ]:
            layers = networks.network(name, size, classes)
            self.assertEqual(networks.parameter_count(layers), count, name)

    def test_unknown_name(self):
        with self.assertRaisesRegex(ValueError, "'resnet19'.*resnet50"):
            networks.network("resnet19", (224, 224, 3), 10)


if __name__ == "__main__":
    unittest.main()
