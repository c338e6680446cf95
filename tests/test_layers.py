"""The dependency order of src/ holds, and the checker that says so notices when it does not."""

import pathlib
import tempfile
import unittest

import check_layers

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Layers(unittest.TestCase):
    def test_no_folder_includes_one_that_stands_behind_it(self):
        errors, warnings = check_layers.check(ROOT)
        for line in warnings:
            print(f"warning: {line}")
        self.assertEqual(errors, [])

    def findings(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True)
            (file.parent / "README.md").write_text("x")
            file.write_text(text)
            return check_layers.check(pathlib.Path(folder))

    def test_checker_notices_an_arrow_back(self):
        errors, _ = self.findings("src/model/x.cc", '#include "base/a.h"\n#include "quant/b.h"\n')
        self.assertEqual(errors, ["src/model/x.cc:2: model may not include quant"])

    def test_checker_knows_that_publish_sees_no_model(self):
        errors, _ = self.findings("src/publish/x.h", '#include "eval/a.h"\n')
        self.assertEqual(len(errors), 1)

    def test_checker_notices_long_files_and_functions(self):
        errors, _ = self.findings("src/base/x.cc", "void F() {\n" + "  G();\n" * 160 + "}\n")
        self.assertEqual(errors, ["src/base/x.cc:1: a function of 162 lines"])
        errors, _ = self.findings("src/base/x.cc", "// x\n" * 1001)
        self.assertEqual(len(errors), 1)
        _, warnings = self.findings("src/base/x.cc", "// x\n" * 501)
        self.assertEqual(len(warnings), 1)

    def test_checker_wants_every_folder_in_the_order(self):
        errors, _ = self.findings("src/unheard/x.cc", "")
        self.assertEqual(len(errors), 1)


if __name__ == "__main__":
    unittest.main()
