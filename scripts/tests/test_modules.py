"""The arrows between modules: those that Package.swift declares, those that files import, those that ARCHITECTURE.md draws."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMPORT = re.compile(r"^\s*(?P<attributes>(?:@\w+\s+)*)(?:public |package |internal )?import (?:\w+ )?(?P<module>\w+)$", re.M)


def bracketed(text, start):
    """What stands between the bracket at `start` and its partner."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([") - (text[place] in ")]")
        if depth == 0:
            return text[start + 1:place]
    raise ValueError("a bracket without a partner")


def declared():
    """Target -> (folder, the modules it depends on), in order; tests, which see all of Renorm, are left out."""
    manifest = (ROOT / "Package.swift").read_text()
    targets = {}
    for match in re.finditer(r"\.(target|executableTarget|systemLibrary)(?=\(\s*name: )", manifest):
        body = bracketed(manifest, match.end())
        name = re.search(r'name: "(\w+)"', body)[1]
        path = re.search(r'path: "([\w/]+)"', body)
        listed = re.search(r"dependencies: (?=\[)", body)
        listed = bracketed(body, listed.end()) if listed else ""
        listed = re.sub(r", package: \"[\w-]+\"", "", listed)
        targets[name] = (ROOT / (path[1] if path else f"Sources/{name}"), re.findall(r'"(\w+)"', listed))
    return targets


def imports(folder):
    """(file, module, attributes) of every import of a folder's Swift files."""
    return [(file, found["module"], found["attributes"]) for file in sorted(folder.rglob("*.swift"))
            for found in IMPORT.finditer(file.read_text())]


class ModuleTests(unittest.TestCase):
    def setUp(self):
        self.targets = declared()
        self.assertGreater(len(self.targets), 20)

    def test_every_arrow_is_used_and_every_import_declared(self):
        known = set(self.targets).union(*(modules for _, modules in self.targets.values()))
        for name, (folder, modules) in self.targets.items():
            # What C files need is found by including it.
            if not any(folder.rglob("*.swift")):
                continue
            used = {module for _, module, _ in imports(folder)} & known
            with self.subTest(name):
                self.assertEqual(used, set(modules), "what its files import and what it declares")

    def test_only_the_face_exports_again(self):
        again = [str(file.relative_to(ROOT)) for file, _, attributes in imports(ROOT / "Sources") if attributes]
        self.assertEqual(set(again), {"Sources/Renorm/Renorm.swift"})

    def test_arrows_point_upwards(self):
        above = set()
        for name, (_, modules) in self.targets.items():
            below = [module for module in modules if module in self.targets and module not in above]
            with self.subTest(name):
                self.assertEqual(below, [], "it depends on what stands below it in Package.swift")
            above.add(name)

    def test_architecture_draws_the_arrows(self):
        text = (ROOT / "ARCHITECTURE.md").read_text()
        drawn = {name: set(modules.split(", "))
                 for name, modules in re.findall(r"^    (Renorm\w*) → (.+)$", text, re.M)}
        ours = {name: {module for module in modules if module in self.targets}
                for name, (folder, modules) in self.targets.items() if folder.parent == ROOT / "Sources"}
        self.assertEqual(drawn, {name: modules for name, modules in ours.items() if modules})
        floors = [name for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+)", text, re.M)
                  for name in re.findall(r"`(\w+)`", row) if name in ours]
        self.assertEqual(sorted(floors), sorted(ours), "the table of floors has every module once")


if __name__ == "__main__":
    unittest.main()
