"""Articles checked by the program: crumb lint."""

import importlib.util
import json
import re
import unittest
import zipfile

from harness import BINARY, ROOT, CrumbTest, run, run_json

spec = importlib.util.spec_from_file_location("bench_lint", ROOT / "tools" / "bench_lint.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def docx(source, indent='w:firstLineChars="200" w:firstLine="480"'):
    """The main part of a Word file of an article in source form."""
    parts = []
    for line in filter(None, source.split("\n")):
        body = line.startswith(bench.INDENT)
        style = "" if body else f'<w:pStyle w:val="{"Heading1" if parts else "Title"}"/>'
        pieces = re.split(r"\*\*", line.removeprefix(bench.INDENT))
        runs = "".join(f"<w:r>{'<w:rPr><w:b/></w:rPr>' if i % 2 else ''}<w:t>{piece}</w:t></w:r>"
                       for i, piece in enumerate(pieces))
        parts.append(f"<w:p><w:pPr>{style}{f'<w:ind {indent}/>' if body else ''}</w:pPr>{runs}</w:p>")
    return f'<w:document xmlns:w="{WORD}"><w:body>{"".join(parts)}</w:body></w:document>'


class Lint(CrumbTest):
    def setUp(self):
        super().setUp()
        self.article, table = bench.ARTICLES[0]
        self.source = self.article.read_text()
        self.trace = bench.make_trace(BINARY, self.article, table, self.folder / "article.trace.json")

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def word(self, name, part):
        path = self.folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", part)
        return path

    def lint(self, path, *more):
        return run("lint", path, "--trace", self.trace, "--ledger", bench.LEDGER, *more)

    def errors(self, path, *more):
        done = self.lint(path, "--json", *more)
        self.assertIn(done.returncode, (0, 4), done.stderr)
        report = json.loads(done.stdout)["files"][0]
        found = [f["rule"] for f in report["findings"] if f["severity"] == "error"]
        self.assertEqual(done.returncode, 4 if found else 0)
        return found

    def test_a_clean_article_passes_in_every_form(self):
        for path in (self.write("a.txt", self.source), self.write("plain.txt", self.source.replace("**", "")),
                     self.write("a.html", bench.as_html(self.source)), self.word("a.docx", docx(self.source))):
            done = self.lint(path)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("0 errors, 0 warnings", done.stdout)
            self.assertIn("R16-analogy-fit", done.stdout)

    def test_an_error_gives_exit_code_4_and_one_line_with_the_count(self):
        done = self.lint(self.write("a.txt", self.source.replace("全文的起点。", "全文的起点！")))
        self.assert_refused(done, 4, "2 errors", "--explain")
        self.assertIn("a.txt:5:", done.stdout)
        self.assertIn("R14-exclamation", done.stdout)
        self.assertIn("R56-trace-hash", done.stdout)

    def test_the_indent_of_a_word_file_is_one_of_both_and_never_both(self):
        doubled = docx(self.source).replace("<w:t>在市级", "<w:t>\u3000\u3000在市级")
        self.assertIn("R27-indent", self.errors(self.word("a.docx", doubled)))
        self.assertIn("R27-indent", self.errors(self.word("b.docx", docx(self.source, 'w:firstLineChars="400"'))))

    def test_a_page_with_script_style_or_table_in_its_article_is_refused(self):
        page = bench.as_html(self.source)
        for damage in ("<script>alert(1)</script>", "<table><tr><td>x</td></tr></table>", '<p class="x">\u3000\u3000字。</p>',
                       '<p style="float:left">\u3000\u3000字。</p>'):
            self.assertIn("R26-html-profile", self.errors(self.write("a.html", page.replace("<h2", damage + "<h2", 1))))

    def test_what_can_not_be_read_is_one_line(self):
        bomb = self.word("bomb.docx", " " * (9 << 20))
        cases = [(self.write("bad.txt", b"\xff\xfe\x00"), 4, "UTF-8"), (self.write("bad.html", b"<p>\xff"), 4, "UTF-8"),
                 (self.write("no.docx", "text"), 4, "zip"), (bomb, 4, "unpacks to more"),
                 (self.write("empty.txt", "\n\n"), 4, "no text"), (self.folder / "none.txt", 3, "none.txt"),
                 (self.folder, 2, "folder")]
        for path, code, word in cases:
            self.assert_refused(self.lint(path), code, word)

    def test_a_broken_trace_or_ledger_is_refused(self):
        broken = self.write("t.json", '{"format":"other","version":1}')
        self.assert_refused(run("lint", self.article, "--trace", broken), 4, "t.json")
        ledger = bytearray(bench.LEDGER.read_bytes())
        at = ledger.index(b"sample.gguf")
        ledger[at:at + 6] = b"simple"
        self.assert_refused(run("lint", self.article, "--ledger", self.write("l.db", bytes(ledger))), 4, "row")

    def test_sarif_has_the_shape_of_2_1_0(self):
        sarif = json.loads(self.lint(self.write("a b.txt", self.source.replace("没想到", "", 1)), "--format", "sarif").stdout)
        self.assertEqual(sarif["version"], "2.1.0")
        results = sarif["runs"][0]["results"]
        self.assertIn("R47-surprise", {r["ruleId"] for r in results})
        for result in results:
            self.assertIn(result["level"], ("error", "warning"))
            place = result["locations"][0]["physicalLocation"]
            self.assertNotIn(" ", place["artifactLocation"]["uri"])
            self.assertGreater(place["region"]["startColumn"], 0)

    def test_fix_changes_only_what_is_certain_and_says_so_by_passing(self):
        damaged = self.source.replace("\u3000\u3000因为", "\u3000因为").replace("实测。", "实测。  ").replace("65.0%", "６５.0％")
        path = self.write("a.txt", damaged)
        self.assertIn("R27-indent", self.errors(path))
        done = run("lint", path, "--fix", "--ledger", bench.LEDGER)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(path.read_text(), self.source)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("a.txt")], ["a.txt"])
        self.assert_refused(self.lint(path, "--fix"), 2, "trace")

    def test_every_rule_is_in_the_documents_and_can_be_explained(self):
        page = (ROOT / "docs" / "lint.md").read_text()
        rules = run_json("lint", "--rules")
        self.assertGreater(len(rules), 50)
        for rule in rules:
            self.assertIn(f"`{rule['id']}` | {rule['severity']}", page)
            self.assertEqual(run("lint", "--explain", rule["id"]).returncode, 0)
        self.assert_refused(run("lint", "--explain", "R99"), 3, "--rules")

    def test_output_keeps_within_eighty_columns(self):
        path = self.write("a.txt", self.source.replace("，", "！，"))
        for text in (self.lint(path).stdout, run("lint", "--rules").stdout, run("lint", "--explain", "R39").stdout):
            for line in text.splitlines():
                self.assertLessEqual(sum(2 if ord(c) > 0x2E80 else 1 for c in line), 80, line)


if __name__ == "__main__":
    unittest.main()
