"""What set-up must notice: files that are missing, damaged or changed, versions too old, paths with spaces."""

import os
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import docs
from provision import clients, fashion_mnist, files, headers, onednn, swift
from provision.problem import Problem

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class FilesTests(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="renorm set-up ")
        self.addCleanup(self.temporary.cleanup)
        self.folder = Path(self.temporary.name)

    def test_hash_is_checked(self):
        file = self.folder / "file"
        with self.assertRaisesRegex(Problem, "is missing"):
            files.expect_sha256(file, EMPTY, "fetch it")
        file.write_bytes(b"")
        files.expect_sha256(file, EMPTY, "fetch it")
        file.write_bytes(b"damaged")
        with self.assertRaisesRegex(Problem, f"7 bytes.*\n  Expected: {EMPTY}\n  To do: fetch it"):
            files.expect_sha256(file, EMPTY, "fetch it")

    def test_fingerprint_notices_change_and_allows_moving(self):
        old, new = self.folder / "old", self.folder / "new"
        old.mkdir()
        (old / "file").write_text("one")
        recorded = files.fingerprint([old / "file"], old)
        old.rename(new)
        self.assertTrue(files.unchanged(recorded, new))
        (new / "file").write_text("three")
        self.assertFalse(files.unchanged(recorded, new))
        (new / "file").unlink()
        self.assertFalse(files.unchanged(recorded, new))
        self.assertFalse(files.unchanged({}, new))

    def test_damaged_record_is_made_anew(self):
        (self.folder / "record.json").write_text('{"files"')
        self.assertEqual(files.read_json(self.folder / "record.json"), {})

    def test_folder_is_replaced_whole(self):
        new, final = self.folder / "new", self.folder / "final"
        for folder, content in ((new, "new"), (final, "old")):
            folder.mkdir()
            (folder / content).write_text(content)
        files.replace_folder(new, final)
        self.assertEqual([path.name for path in final.iterdir()], ["new"])
        self.assertEqual([path.name for path in self.folder.iterdir()], ["final"])

    def test_incomplete_or_damaged_data_is_refused(self):
        for name in list(fashion_mnist.FILES)[:3]:
            (self.folder / name).write_bytes(b"not the data")
        self.assertFalse(fashion_mnist.has_all(self.folder))
        with self.assertRaisesRegex(Problem, "has SHA-256"):
            fashion_mnist.check(self.folder, "fetch it")

    def test_wrong_onednn_root_is_named(self):
        with mock.patch.dict(os.environ, ONEDNN_ROOT=str(self.folder)):
            with self.assertRaisesRegex(Problem, "ONEDNN_ROOT is .*there is no libdnnl"):
                onednn.provide(self.folder / "deps")
            (self.folder / "lib").mkdir()
            (self.folder / "lib" / onednn.LIBRARY).write_bytes(b"not a library")
            with self.assertRaisesRegex(Problem, "does not load"):
                onednn.provide(self.folder / "deps")

    def test_wheel_is_unpacked_once_and_without_metadata(self):
        wheel = self.folder / "package.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in ("lib/libdnnl.so", f"lib/{onednn.LIBRARY}", "include/dnnl.h", "share/doc/LICENSE"):
                archive.writestr(f"package-1.data/data/{name}", name)
            archive.writestr("package-1.dist-info/METADATA", "")
        onednn._unpack(wheel, self.folder / "out")
        found = {str(path.relative_to(self.folder / "out")) for path in (self.folder / "out").rglob("*.*")}
        self.assertEqual(found, {f"lib/{onednn.LIBRARY}", "include/dnnl.h"})

    def test_library_is_placed_beside_the_programs(self):
        deps, programs = self.folder / "deps", self.folder / "programs"
        library = deps / "onednn" / "lib" / onednn.LIBRARY
        for folder in (library.parent, programs):
            folder.mkdir(parents=True)
        library.write_text("library")
        for _ in range(2):
            onednn.place(deps, programs)
        self.assertEqual((programs / onednn.LIBRARY).read_text(), "library")


class PureTests(unittest.TestCase):
    def test_versions(self):
        self.assertEqual(swift.parse_version("Apple Swift version 6.1.2 (swiftlang-6.1.2)"), (6, 1))
        self.assertEqual(swift.parse_version("Swift version 6.10-dev (LLVM 1)"), (6, 10))
        self.assertIsNone(swift.parse_version("swift: no such option"))
        self.assertFalse(onednn.is_recent_enough([2, 7, 4]))
        self.assertTrue(onednn.is_recent_enough([3, 0, 0]))

    def test_tries_are_left_out_of_what_a_client_said(self):
        said = "WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No matching distribution\n"
        self.assertEqual(clients.last_lines(said), "    ERROR: No matching distribution")

    def test_documentation_may_not_link_nowhere(self):
        nowhere = "warning: 'Gone' doesn't exist at '/Renorm/a'\n --> Sources/a.swift:1:1-1:5\n1 + /// ``Gone``"
        nameless = "warning: Parameter 'url' is missing documentation\n  --> Sources/b.swift:18:61-18:61"
        elsewhere = "warning: you may be able to install zlib"
        output = f"Building\n{elsewhere}\n{nameless}\n{nowhere}\n\nFinished"
        self.assertEqual(docs.broken_links(output), [nowhere])

    def test_each_package_is_pinned(self):
        lines = [line for line in onednn.REQUIREMENTS.read_text().splitlines() if line and line[0] != "#"]
        self.assertEqual(len(onednn.pinned_hashes()), len(lines))
        self.assertEqual(set(onednn.pinned_hashes()), {"onednn_cpu_gomp", "onednn_devel_cpu_gomp"})

    def test_spaces_are_escaped_for_pkg_config(self):
        text = headers.pkg_config("zlib", Path("/a b/c"), ["z"])
        self.assertIn("Libs: -L/a\\ b/c/lib -lz\n", text)
        self.assertIn("Cflags: -I/a\\ b/c/include\n", text)


if __name__ == "__main__":
    unittest.main()
