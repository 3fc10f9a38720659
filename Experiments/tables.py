#!/usr/bin/env python3
"""Tables of the experiments' results, in Markdown: means over seeds with half the width of the 95 % interval.

    Experiments/tables.py NAME.csv…                       accuracy as deployed by normalization and setting, percent
    Experiments/tables.py --against BN NAME.csv…          differences from BN, paired by seed, in points
    Experiments/tables.py --column accuracy_as_trained …  another column

Runs that broke (something was not finite) are counted apart.
"""

import argparse
import collections
import csv
import statistics

import students_t


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--against", metavar="NORMALIZATION")
    parser.add_argument("--column", default="accuracy")
    options = parser.parse_args()
    values, broken = collections.defaultdict(dict), collections.Counter()
    names, settings = [], []
    for file in options.files:
        with open(file, newline="") as rows:
            for row in csv.DictReader(rows):
                name, setting = row["normalization"], row["setting"]
                if name not in names:
                    names.append(name)
                if setting not in settings:
                    settings.append(setting)
                if row["not_finite"]:
                    broken[name, setting] += 1
                elif row[options.column]:
                    values[name, setting][row["seed"]] = 100 * float(row[options.column])
    if options.against:
        names.remove(options.against)
    print("| | " + " | ".join(settings) + " |")
    print("|---" * (len(settings) + 1) + "|")
    for name in names:
        cells = [
            cell(values, name, setting, options.against)
            + (f" ({broken[name, setting]} broke)" if broken[name, setting] else "")
            for setting in settings
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")


def cell(values, name, setting, against):
    own = values[name, setting]
    if against:
        others = values[against, setting]
        numbers = [own[seed] - others[seed] for seed in own if seed in others]
    else:
        numbers = list(own.values())
    if not numbers:
        return "–"
    mean = f"{statistics.mean(numbers):+.2f}" if against else f"{statistics.mean(numbers):.1f}"
    if len(numbers) == 1:
        return mean
    margin = students_t.margin(numbers)
    return f"{mean} ± {margin:.2f}" if against else f"{mean} ± {margin:.1f}"


if __name__ == "__main__":
    main()
