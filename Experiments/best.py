#!/usr/bin/env python3
"""The options of the normalization with the best mean accuracy in a setting:  best.py SETTING RESULTS.csv…"""

import collections
import csv
import statistics
import sys

setting, *files = sys.argv[1:]
accuracies = collections.defaultdict(list)
for file in files:
    with open(file, newline="") as rows:
        for row in csv.DictReader(rows):
            if row["setting"] == setting:
                accuracies[row["options"]].append(float(row["accuracy"]))
if not accuracies:
    sys.exit(f"found no results for the setting '{setting}' in {', '.join(files)}; make them first")
print(max(accuracies, key=lambda options: statistics.mean(accuracies[options])))
