"""Tables of what NeverHurts has written: errors by setting, the worst cells beside the source, the share of AdaBN's gain at a batch.

    python3 Experiments/NeverHurts/tables.py cells.csv [--batch 8] [--clean clean.csv …]
"""

import argparse
import collections
import csv


def read(paths):
    """(network, setting, batch, method) -> corruption -> [wrong, images] over seeds."""
    cells = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    for path in paths:
        with open(path) as file:
            for row in csv.DictReader(file):
                key = row["network"], row["setting"], int(row["batch"]), row["method"]
                cell = cells[key][row["corruption"]]
                cell[0] += int(row["wrong"])
                cell[1] += int(row["images"])
    return cells


def error(cell):
    """The mean error over corruptions, in percent."""
    rates = [100 * wrong / images for wrong, images in cell.values() if images]
    return sum(rates) / len(rates)


def is_clean(cell):
    return set(cell) == {"clean"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    cells = collections.defaultdict(dict)
    for (network, setting, batch, method), by_corruption in read(arguments.files).items():
        clean = {name: cell for name, cell in by_corruption.items() if name == "clean"}
        others = {name: cell for name, cell in by_corruption.items() if name != "clean"}
        for prefix, part in (("", others), ("clean-", clean)):
            if part:
                cells[network, prefix + setting, batch][method] = part
    networks = sorted({key[0] for key in cells})
    for network in networks:
        settings = sorted({key[1] for key in cells if key[0] == network},
                          key=lambda s: (s.startswith("clean-"), s))
        methods = list(dict.fromkeys(m for key in cells if key[0] == network for m in cells[key]))
        print(f"\n### {network}: error, %, batch {arguments.batch}, mean over corruptions\n")
        print("| | " + " | ".join(settings) + " |\n|---|" + "---|" * len(settings))
        for method in methods:
            row = []
            for setting in settings:
                cell = cells.get((network, setting, arguments.batch), {}).get(method)
                row.append(f"{error(cell):.1f}" if cell else "")
            print(f"| {method} | " + " | ".join(row) + " |")
        print("\n| | worst cell less source | where | cells above +0.5 | single corruptions above +1 | worst | where |"
              "\n|---|---|---|---|---|---|---|")
        for method in methods:
            differences, singles = [], []
            for key, by_method in cells.items():
                if key[0] != network or method not in by_method or "source" not in by_method:
                    continue
                shared = set(by_method[method]) & set(by_method["source"])
                pairs = [(by_method[method][c], by_method["source"][c], c) for c in shared]
                gaps = [(100 * (a[0] / a[1] - b[0] / b[1]), c) for a, b, c in pairs]
                differences.append((sum(g for g, _ in gaps) / len(gaps), f"{key[1]} at {key[2]}"))
                singles += [(g, f"{c}, {key[1]} at {key[2]}") for g, c in gaps]
            if not differences:
                continue
            worst, single = max(differences), max(singles)
            print(f"| {method} | {worst[0]:+.1f} | {worst[1]} | {sum(d > 0.5 for d, _ in differences)} of {len(differences)} | "
                  f"{sum(g > 1 for g, _ in singles)} of {len(singles)} | {single[0]:+.1f} | {single[1]} |")
        iid = cells.get((network, "iid", arguments.batch), {})
        if {"source", "adabn"} <= set(iid):
            base, best = error(iid["source"]), error(iid["adabn"])
            print(f"\nShare of AdaBN's gain, iid, batch {arguments.batch} ({base:.1f} to {best:.1f} %):")
            for method in methods:
                if method in iid and base != best:
                    print(f"- {method}: {100 * (base - error(iid[method])) / (base - best):.0f} %")
        print("\nBy corruption, iid:\n")
        names = sorted({c for m in iid.values() for c in m})
        print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
        for method in methods:
            if method in iid:
                print(f"| {method} | " + " | ".join(
                    f"{100 * iid[method][c][0] / iid[method][c][1]:.1f}" if c in iid[method] else "" for c in names) + " |")


if __name__ == "__main__":
    main()
