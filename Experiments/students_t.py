"""Intervals of means by Student's t, as `renorm compare` prints them (Sources/RenormExperiments/Interval.swift)."""

import statistics

#: What t with 1, 2, … degrees of freedom exceeds in 2.5 % of cases.
TABLE = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
    2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
    2.045, 2.042,
]


def quantile(degrees):
    """What t with so many degrees of freedom exceeds in 2.5 % of cases."""
    if degrees <= len(TABLE):
        return TABLE[degrees - 1]
    # Cornish and Fisher's expansion, exact to four digits here.
    z, n = 1.959964, degrees
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n * n)


def margin(numbers):
    """Half the width of the 95 % interval of the mean of two numbers or more."""
    return quantile(len(numbers) - 1) * statistics.stdev(numbers) / len(numbers) ** 0.5
