"""crumb claims check: tables of claims from the command line."""

import csv
import json
import pathlib
import unittest

from harness import CrumbTest, run, run_json

HEAD = "id,line,section,table,row,column,raw,value,unit\n"
ROOM = 80


class Claims(CrumbTest):
    def table(self, rows, head=HEAD):
        path = self.folder / "claims.csv"
        path.write_bytes((head + rows).encode() if isinstance(rows, str) else head.encode() + rows)
        return path

    def verdicts(self, *arguments):
        report = run_json("claims", "check", *arguments)
        return {claim["id"]: claim for claim in report["claims"]}

    def test_the_shipped_table_is_judged_and_counts_add_up(self):
        report = run_json("claims", "check")
        self.assertEqual(report["format"], "crumb-claims")
        self.assertEqual(sum(report["counts"].values()), len(report["claims"]))
        self.assertGreaterEqual(report["counts"]["impossible"], 10)
        for claim in report["claims"]:
            self.assertTrue(claim["line"].isdigit(), claim)
            for finding in claim["findings"]:
                self.assertTrue(finding["derivation"])
                self.assertTrue(finding["derivation_zh"])

    def test_a_wrong_size_is_impossible_until_it_is_repaired(self):
        rows = "p,1,1,T,thing,parameters,1B,1,B params\na,1,1,T,thing,INT4,250MB,{},MB\n"
        self.assertEqual(self.verdicts(self.table(rows.format(250)))["a"]["verdict"], "impossible")
        self.assertEqual(self.verdicts(self.table(rows.format(500)))["a"]["verdict"], "confirmed")

    def test_text_fits_eighty_columns_in_english(self):
        done = run("claims", "check", "--verdict", "impossible,contradicted")
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), ROOM, line)

    def test_only_the_verdicts_that_were_asked_for_are_listed(self):
        done = run("claims", "check", "--verdict", "impossible")
        listed = [line for line in done.stdout.splitlines() if line.startswith("contradicted")]
        self.assertEqual(listed, [])

    def test_the_page_is_written_in_both_languages(self):
        for language, word in (("en", "contradicted"), ("zh", "被反驳")):
            page = self.folder / f"{language}.html"
            done = run("claims", "check", "--html", page, "--lang", language)
            self.assertEqual(done.returncode, 0, done.stderr)
            text = page.read_text(encoding="utf-8")
            self.assertIn(word, text)
            self.assertNotIn("http", text)

    def test_own_facts_take_the_place_of_the_shipped_ones(self):
        facts = self.folder / "facts.csv"
        facts.write_text("name,property,value,unit,source\nBox,kind,device,,\nBox,alias,Box,,\n"
                         "Box,bandwidth,1e9,bytes/s,its maker\n")
        rows = "p,1,1,T,Box,parameters,1B,1,B params\na,1,1,T,Box,INT8,x,{},ms per token\n"
        verdict = self.verdicts(self.table(rows.format(900)), "--facts", facts)["a"]["verdict"]
        self.assertEqual(verdict, "impossible")
        verdict = self.verdicts(self.table(rows.format(1100)), "--facts", facts)["a"]["verdict"]
        self.assertEqual(verdict, "not testable here")

    def test_bad_tables_get_one_line(self):
        row = "a,1,1,T,x,INT2,v,1,MB\n"
        for rows, head, words in (
                (row + row, HEAD, ["claims.csv:3", "twice"]),
                ("a,1,1,T,x,INT2,v,much,MB\n", HEAD, ["claims.csv:2", "not a number"]),
                (row, "id,line,section,table,row,column,raw,unit,value2\n", ["'value' is missing"]),
                ("", "", ["empty"]),
                (b"a,1,1,T,\xc4\xda,INT2,v,1,MB\n", HEAD, ["claims.csv:2", "UTF-8"]),
                ("a,1,1\n", HEAD, ["claims.csv:2", "3 cells"])):
            self.assert_refused(run("claims", "check", self.table(rows, head)), 4, *words)
        self.assert_refused(run("claims", "check", self.folder / "none.csv"), 3, "none.csv")

    def test_an_empty_folder_is_no_ledger(self):
        self.assert_refused(run("claims", "check", "--ledger", self.folder), 3, "ledger.db")

    def test_json_is_one_document_and_csv_of_the_source_is_well_formed(self):
        done = run("claims", "check", "--json")
        json.loads(done.stdout)
        source = pathlib.Path(__file__).resolve().parent.parent / "src/advice/data/claims.csv"
        with open(source, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len({row["id"] for row in rows}), len(rows))


if __name__ == "__main__":
    unittest.main()
