"""The t-table of the experiments' scripts, against the distribution itself."""

import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Experiments"))
import students_t  # noqa: E402


def tail(degrees, t, steps=20_000):
    """The probability of more than t: 1/2 less the integral of the density from 0 to t, by Simpson's rule."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def density(x):
        return scale * (1 + x * x / degrees) ** (-(degrees + 1) / 2)

    width = t / steps
    inner = sum((4 if index % 2 else 2) * density(index * width) for index in range(1, steps))
    return 0.5 - width / 3 * (density(0) + inner + density(t))


class StudentsT(unittest.TestCase):
    def test_quantiles(self):
        for degrees in [*range(1, 40), 100, 1000]:
            self.assertAlmostEqual(tail(degrees, students_t.quantile(degrees)), 0.025, delta=3e-5, msg=degrees)

    def test_margin(self):
        self.assertAlmostEqual(students_t.margin([1, 2, 3]), 4.303 / math.sqrt(3))


if __name__ == "__main__":
    unittest.main()
