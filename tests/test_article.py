"""crumb article: what a study's rows say is what the text says, and the linter agrees."""

import hashlib
import json
import re
import shutil
import sqlite3
import sys
import unittest

from harness import ROOT, CrumbTest, run, run_json

sys.path.insert(0, str(ROOT / "tools"))
import fake_study  # noqa: E402

DATA = ROOT / "src" / "article" / "data"
PARTS = ("opening", "analogy", "anchor", "mapping", "calibration", "optimization", "challenge", "use", "misuse",
         "heuristic")


def library():
    """(part, id) -> fields of every entry."""
    entries, current = {}, None
    for path in sorted(DATA.glob("*.txt")):
        for line in path.read_text().splitlines():
            head = re.fullmatch(r"\[(\S+) (.+)\]", line.strip())
            if head:
                current = entries.setdefault(head.groups(), {})
            elif current is not None and re.match(r"[a-z]+:", line):
                key, value = line.split(":", 1)
                current.setdefault(key, value.strip())
    return entries


class ArticleTest(CrumbTest):
    def study(self, rows, name="study"):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        fake_study.write(folder / "ledger.db", rows)
        return folder

    def scenario(self, name):
        return self.study(fake_study.scenario(name).rows, name)

    def article(self, study, *options):
        """The plain text of an article of a study; the linter was run by itself."""
        out = self.folder / "article"
        shutil.rmtree(out, ignore_errors=True)
        done = run("article", study, "-o", out, "--no-figures", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (out / "article.txt").read_text()

    def refused(self, code, *arguments):
        """The one-line message of a refusal that left nothing behind."""
        before = sorted(self.folder.iterdir())
        done = run("article", *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        return done.stderr


# A study whose speeds count for nothing has no load to open with but one that is given.
LOADS = {"busy-machine": ("--load", "3000/day")}


class Results(ArticleTest):
    def test_results_that_differ_are_told_as_they_are(self):
        told = {
            "chinese-suffers-more": "中文比英文掉得多",
            "chinese-suffers-less": "英文反而比中文掉得多",
            "two-bits-faster": "位数少的那个确实更快，也确实更错",
            "two-bits-slower": "位数更少，反而更慢",
            "slower-than-reference": "生成速度没有变快，反而从",
            "nothing-lost": "困惑度的变化小于测量误差，分不出",
            "calibration-useless": "这一次校准没有分出好坏",
            "calibration-harmful": "这一次校准没有帮上忙",
            "slow-start": "文件小了，启动反而更慢",
            "packed-reference": "由公开的压缩文件还原而来",
            "busy-machine": "快慢不作比较",
            "tasks-fall": "题目真的少答对了",
            "tasks-level": "困惑度变了，答对率看不出",
            "encoder-collapse": "压到这一档，方向就散了",
            "encoder-slower": "句向量计算速度没有变快，反而从",
            "encoder-order-falls": "排序乱了，数值看不出来",
            "encoder-english-worse": "英文句子反而偏得更多",
        }
        texts = {name: self.article(self.scenario(name), "--length", "long", *LOADS.get(name, ()))
                 for name in told}
        for name, words in told.items():
            self.assertIn(words, texts[name], name)
        self.assertEqual(len(set(texts.values())), len(texts))
        self.assertNotIn("中文比英文掉得多", texts["chinese-suffers-less"])
        self.assertNotIn("生成速度提高到", texts["slower-than-reference"])

    def test_speeds_of_a_busy_machine_are_not_told(self):
        study = self.scenario("busy-machine")
        self.assertIn("--speeds-again", self.refused(3, study, "-o", self.folder / "article"))
        text = self.article(study, "--length", "long", "--load", "3000/day")
        self.assertNotIn("生成速度从", text)
        self.assertNotIn("生成速度是", text)
        self.assertIn("测到的速度不作依据", text)

    def test_every_entry_of_the_library_is_told_by_some_study_and_lints(self):
        names = {name: self.scenario(name) for name in fake_study.SCENARIOS if name != "all-broken"}
        out = self.folder / "out"
        told = set()
        for name, study in names.items():
            load = LOADS.get(name, ())
            result = run_json("article", study, "-o", out, "--force", "--no-figures", "--length", "long", "--audience",
                              "government,managers,practitioners,supervisors", *load)
            self.assertEqual(result["warnings"], [], name)
            told.update(result["entries"])
        for (part, entry), fields in library().items():
            if part not in PARTS or f"{part} {entry}" in told:
                continue
            for name, study in names.items():
                model = "encoder" if name.startswith("encoder") else "decoder"
                if fields.get("for", model) != model:
                    continue
                shutil.rmtree(out, ignore_errors=True)
                done = run("article", study, "-o", out, "--no-figures", "--length", "long", "--use", entry, "--json",
                           "--sector", fields.get("sector", "政务热线").split(",")[0],
                           "--audience", fields.get("audience", "government").split(",")[0], *LOADS.get(name, ()))
                self.assertEqual(done.returncode, 0, f"{name} {entry}: {done.stderr}")
                result = json.loads(done.stdout)
                self.assertEqual(result["warnings"], [], f"{name} {entry}")
                if f"{part} {entry}" in result["entries"]:
                    break
            else:
                self.fail(f"no study tells [{part} {entry}]")

    def test_drawn_studies_give_a_clean_article_or_a_command(self):
        written = 0
        sectors = [entry for part, entry in library() if part == "sector"]
        for seed in range(40):
            study = self.study(fake_study.drawn(seed).rows, f"drawn-{seed}")
            out = self.folder / f"out-{seed}"
            load = ("--load", "3000/day") if seed % 2 else ()
            done = run("article", study, "-o", out, "--no-figures", "--sector", sectors[seed % len(sectors)], *load)
            if done.returncode == 0:
                written += 1
                continue
            self.assertEqual(done.returncode, 3, f"seed {seed}: {done.stderr}")
            self.assertIn("run crumb ", done.stderr)
            self.assertFalse(out.exists())
        self.assertGreater(written, 20)

    def test_the_same_study_gives_the_same_bytes(self):
        study = self.scenario("usual")
        first = self.article(study)
        names = ("article.source.txt", "article.html", "article.docx", "article.trace.json", "lint.json", "ledger.db")
        before = [(self.folder / "article" / name).read_bytes() for name in names]
        self.assertEqual(self.article(study), first)
        self.assertEqual([(self.folder / "article" / name).read_bytes() for name in names], before)


class Files(ArticleTest):
    def test_every_number_opens_its_row_and_the_trace_covers_the_text(self):
        text = self.article(self.scenario("usual"), "--load", "3000/day")
        out = self.folder / "article"
        trace = json.loads((out / "article.trace.json").read_text())
        lines = "\n".join(line.strip() for line in text.splitlines() if line.strip())
        self.assertEqual(trace["text_sha256"], hashlib.sha256(lines.encode()).hexdigest())
        self.assertEqual(trace["tags"][0], "wechat")
        read = run_json("lint", out / "article.txt", "--ledger", out, "--trace", out / "article.trace.json")["files"][0]
        self.assertEqual(read["errors"], 0)
        self.assertEqual([n["text"] for n in read["numerals"]], [n["text"] for n in trace["numerals"]])
        for row in trace["evidence"]:
            self.assertEqual(run("ledger", "show", row, "--ledger", out).returncode, 0)
        loads = [n for n in trace["numerals"] if n["text"] == "3000"]
        row = run_json("ledger", "show", loads[0]["evidence"], "--ledger", out)
        self.assertEqual(row["kind"], "manual")

    def test_the_plain_text_has_no_marks_and_the_source_has(self):
        text = self.article(self.scenario("usual"))
        source = (self.folder / "article" / "article.source.txt").read_text()
        self.assertNotRegex(text, r"\*\*|###")
        self.assertRegex(source, r"(?m)^### 一、")
        self.assertIn("**量化**", source)

    def test_no_sentence_is_long_without_a_pause_and_no_heading_has_latin_letters(self):
        for name in ("usual", "encoder"):
            for line in self.article(self.scenario(name), "--length", "long").splitlines():
                if line and not line.startswith("\u3000"):
                    self.assertNotRegex(line, "[A-Za-z]")
                for piece in re.split("[，。；：？、]", line):
                    self.assertLessEqual(len(piece), 60, piece)

    def test_two_studies_share_one_ledger(self):
        out = self.folder / "both"
        done = run("article", self.scenario("usual"), self.scenario("encoder"), "-o", out, "--length", "long")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("的实测里看。没想到", (out / "article.txt").read_text())
        self.assertEqual(run("ledger", "verify", "--ledger", out).returncode, 0)

    def test_options_choose_readers_sector_title_and_phrase(self):
        study = self.scenario("usual")
        text = self.article(study, "--audience", "企业信息主管,supervisors", "--sector", "bank", "--title", "自己的题目",
                            "--topic", "大模型量化科普")
        self.assertTrue(text.startswith("自己的题目\n"))
        self.assertIn("银行客服", text)
        trace = json.loads((self.folder / "article" / "article.trace.json").read_text())
        self.assertEqual(trace["audiences"], ["enterprise IT managers", "frontline service supervisors"])
        result = run_json("article", "--library")
        self.assertEqual(len(result["topic"]), 6)


class Refusals(ArticleTest):
    def test_options_that_can_not_be_meant(self):
        study, out = self.scenario("usual"), self.folder / "x"
        self.assertIn("政务热线", self.refused(2, study, "-o", out, "--sector", "月球"))
        self.assertIn("supervisors", self.refused(2, study, "-o", out, "--audience", "children"))
        self.assertIn("写公众号文章", self.refused(2, study, "-o", out, "--topic", "写诗"))
        self.assertIn("32", self.refused(2, study, "-o", out, "--title", "题" * 33))
        self.assertIn("INT4", self.refused(2, study, "-o", out, "--title", "用INT4省内存"))
        self.assertIn("72%", self.refused(2, study, "-o", out, "--title", "省下72%的内存"))
        self.assertIn("3000/day", self.refused(2, study, "-o", out, "--load", "many"))
        self.assertIn("--library", self.refused(2, study, "-o", out, "--use", "no-such-entry"))
        self.assertIn("-o", self.refused(2, study))
        self.assertIn("exists", self.refused(2, study, "-o", study).replace("already there", "exists"))

    def test_too_little_evidence_names_the_command(self):
        out = self.folder / "x"
        usual = fake_study.scenario("usual")

        def without(keep):
            return self.study([row for row in usual.rows if keep(row)], f"part-{len(list(self.folder.iterdir()))}")

        single = without(lambda row: row["subject"] in ("reference", "machine", "int4+embed8"))
        self.assertIn("--bits 8,4,3,2,1.58,1", self.refused(3, single, "-o", out))
        speeds = without(lambda row: row["metric"] != "generation_tokens_per_second")
        self.assertIn("run crumb study MODEL", self.refused(3, speeds, "-o", out))
        no_reference = without(lambda row: row["subject"] != "reference")
        self.assertIn("crumb study", self.refused(3, no_reference, "-o", out))
        plain = [dict(row, low=None, high=None) for row in usual.rows]
        self.assertIn("no interval", self.refused(3, self.study(plain, "plain"), "-o", out))
        self.assertIn("empty", self.refused(3, self.study([], "empty"), "-o", out))
        self.assertIn("broken", self.refused(3, self.scenario("all-broken"), "-o", out))

    def test_a_broken_chain(self):
        study = self.scenario("usual")
        db = sqlite3.connect(study / "ledger.db")
        trigger = db.execute("SELECT sql FROM sqlite_master WHERE name = 'evidence_no_update'").fetchone()[0]
        db.execute("DROP TRIGGER evidence_no_update")
        db.execute("UPDATE evidence SET value = value * 0.5 WHERE id = 3")
        db.execute(trigger)
        db.commit()
        db.close()
        self.assertIn("row 3", self.refused(4, study, "-o", self.folder / "x"))

    def test_a_source_with_an_address(self):
        study = fake_study.scenario("usual")
        study.add("task_accuracy", "int4", 0.6, kind="public",
                  options='{"command":"ledger add","source":"https://example.org/a","quarter":"2024-Q3"}')
        self.assertIn("URL", self.refused(2, self.study(study.rows), "-o", self.folder / "x"))

    def test_what_is_no_ledger(self):
        (self.folder / "notes.txt").write_text("text")
        self.refused(4, self.folder / "notes.txt", "-o", self.folder / "x")
        self.refused(3, self.folder / "nothing", "-o", self.folder / "x")


class Outside(ArticleTest):
    def test_published_figures_are_told_with_kind_and_source_and_replaced_ones_not(self):
        study = fake_study.scenario("usual")
        options = '{"command":"ledger add","source":"某研究所的测评报告","quarter":"2024-Q3"}'
        old = study.add("task_accuracy", "int4", 0.61, kind="public", options=options)
        study.add("task_accuracy", "int4", 0.65, kind="public", options=options, supersedes=str(old))
        study.add("generation_tokens_per_second", "assistant", 41.5, "tokens/s", kind="deployment",
                  options='{"command":"ledger add","source":"某市热线平台的运行记录","quarter":"2026-Q2"}')
        text = self.article(self.study(study.rows))
        self.assertIn("答对率是65%", text)
        self.assertNotIn("61%", text)
        self.assertIn("另有部署记录可以对照", text)
        self.assertIn("公开报告，2026年第四季度，某研究所的测评报告。", text)


if __name__ == "__main__":
    unittest.main()
