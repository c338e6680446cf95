#!/usr/bin/env python3
"""Proof of `crumb lint`: clean articles are damaged in many ways, and the linter has to see each.

usage: bench_lint.py [--binary build/release/crumb] [--mutants N] [--generated N] [--class NAME] [--misses] [--ledger-only | --following-trace]

For each class of damage it makes N (default 150) different texts from the clean articles of
src/lint (all that there are, where a class has fewer) and prints how many were caught: an error,
by one of the class's rules where it names some. That the trace's hash of the text no longer fits
never counts. --ledger-only leaves the trace out: numbers are then looked for in the ledger by their words.
--following-trace damages the trace too, so that it claims the numerals as they now stand: what is caught
then is caught by the ledger's values, units, metrics and directions.
The last lines say how many errors the clean articles themselves give, in three forms, how many articles
that `crumb article` writes from drawn studies (tools/fake_study.py) give, and how long one takes. Exit code 1 when a class is caught in less than 98 % or a clean article has an error.
"""

import argparse
import html
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import fake_study

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINT = ROOT / "src" / "lint"
ARTICLES = [(LINT / "data" / "sample_article.txt", LINT / "data" / "sample_trace.txt"),
            (LINT / "testdata" / "article_bank.txt", LINT / "testdata" / "article_bank_trace.txt")]
LEDGER = LINT / "testdata" / "sample-ledger.db"
WANTED = 0.98
INDENT = "\u3000\u3000"


# ---- reading and linting -------------------------------------------------------------------------

def lint(binary, files, *options):
    """The files' reports, in order."""
    done = subprocess.run([binary, "lint", *map(str, files), "--format", "json", *map(str, options)],
                          capture_output=True, text=True)
    if done.returncode not in (0, 4) or not done.stdout:
        sys.exit(f"crumb lint: exit code {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)["files"]


def normalized(source):
    """The plain text that a trace's hash is of (docs/formats/trace.md)."""
    lines = [line.strip().removeprefix("### ").replace("**", "") for line in source.splitlines()]
    return "\n".join(line for line in lines if line)


def make_trace(binary, article, table, path):
    """Writes the trace of a clean article from its table of bound numerals."""
    import hashlib
    numerals = lint(binary, [article])[0]["numerals"]
    rows = [line.split("\t") for line in table.read_text().splitlines() if not line.startswith("#")]
    entries, used = [], []
    for numeral in numerals:
        entry = {"ordinal": numeral["ordinal"], "text": numeral["text"], "evidence": None,
                 "closed": numeral["closed"], "digits": numeral["digits"]}
        if numeral["closed"] is None:
            text, row, baseline, scale, direction = rows.pop(0)
            assert text == numeral["text"], (text, numeral)
            entry.update(evidence=int(row), scale=scale, direction=direction)
            used.append(int(row))
            if baseline:
                entry["baseline"] = int(baseline)
                used.append(int(baseline))
        entries.append(entry)
    assert not rows, rows
    text = normalized(article.read_text())
    path.write_text(json.dumps({
        "format": "crumb-article-trace", "version": 1,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "title": text.split("\n")[0], "audiences": ["enterprise IT managers"], "sector": "government",
        "evidence": sorted(set(used)), "numerals": entries}, ensure_ascii=False, indent=1) + "\n")
    return path


# ---- the article as a place to damage ------------------------------------------------------------

class Text:
    """A clean article with the places where its bound numerals stand."""

    def __init__(self, source, report):
        self.source = source
        lines = source.split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        self.numbers = []  # (begin, end) of numerals that need evidence
        for numeral in report["numerals"]:
            begin = starts[numeral["line"] - 1] + numeral["column"] - 1
            end = begin + len(numeral["text"])
            assert source[begin:end] == numeral["text"], (numeral, source[begin:end])
            if numeral["closed"] is None:
                self.numbers.append((begin, end))
        self.paragraphs = [m for m in re.finditer(rf"^{INDENT}.+$", source, re.M)]
        self.body = [m for m in self.paragraphs if "2026年第四季度" not in m.group()]
        self.commas = [m.start() for p in self.body for m in re.finditer("[，。]", source)
                       if p.start() < m.start() < p.end()]

    def put(self, begin, end, text):
        return self.source[:begin] + text + self.source[end:]


CHINESE = "零一二三四五六七八九"


def spelled(digits):
    """94.2 -> 九十四点二."""
    whole, _, rest = digits.partition(".")
    value, text = int(whole), ""
    for magnitude, name in ((1000, "千"), (100, "百"), (10, "十")):
        if value >= magnitude:
            text += CHINESE[value // magnitude] + name
            value %= magnitude
            if value and value < magnitude // 10:
                text += "零"
    if value or not text:
        text += CHINESE[value]
    return text + ("点" + "".join(CHINESE[int(d)] for d in rest) if rest else "")


# Each gives all damaged texts it can make of one article.

def digit(t):
    for begin, end in t.numbers:
        for i in range(begin, end):
            if t.source[i].isdigit():
                for d in "0123456789":
                    if d != t.source[i] and not (i == begin and d == "0"):
                        yield t.put(i, i + 1, d)


UNITS = {" MB": [" GB", " KB", " TB", "兆字节每秒", "秒", " MiB"], "%": ["‰", "倍", "个百分点", "秒", "瓦", " MB"],
         "倍": ["%", "个百分点", "成", "秒"], "秒": ["毫秒", "分钟", "小时", "微秒", "瓦"],
         "个词元": ["句", "字节", "个字节", "瓦", "毫秒"], "个百分点": ["%", "倍", "成"]}


def unit(t):
    for begin, end in t.numbers:
        digits = re.match(r"[\d.]+", t.source[begin:]).end() + begin
        for old, others in UNITS.items():
            if t.source.startswith(old, digits):
                for new in others:
                    yield t.put(digits, digits + len(old), new)


TURNS = {"降到": ["升到", "增加到", "降了", "提高了", "上升到", "增长到", "减少了"], "减少了": ["增加了", "提升了", "减少到", "上升到"],
         "上升": ["下降", "降低", "减少", "上升到", "回落到", "缩小", "回落", "缩短"], "升到": ["降到", "降低到", "升了"],
         "提高到": ["降低到", "减少到", "提高了", "回落到", "缩小到"], "回落到": ["上升到", "增加到", "回落了"],
         "降低": ["提高", "增加", "降低到", "上升"]}


def direction(t):
    for begin, _ in t.numbers:
        clause = max(t.source.rfind(mark, 0, begin) for mark in "，。：\n") + 1
        found = [(t.source.rfind(word, clause, begin), word) for word in TURNS]
        at, word = max(found, key=lambda pair: (pair[0] + len(pair[1]), len(pair[1])))
        if at < 0:
            continue
        for new in TURNS[word]:
            # 上升 before 了 gives no second 了.
            if not (t.source.startswith("了", at + len(word)) and new[-1] in "了到"):
                yield t.put(at, at + len(word), new)


METRICS = ["权重内存", "困惑度", "生成速度", "加载时间", "答对率", "峰值内存", "相关系数", "能耗", "带宽", "键值缓存"]


def metric(t):
    for begin, _ in t.numbers:
        sentence = max(t.source.rfind(mark, 0, begin) for mark in "。；\n") + 1
        at, word = max((t.source.rfind(word, sentence, begin), word) for word in METRICS)
        for new in METRICS:
            if at >= 0 and new != word and {new, word} != {"权重内存", "峰值内存"}:
                yield t.put(at, at + len(word), new)


NEUTRAL = ["", "机房里有三排机柜", "值班的人每天巡查", "资料放在档案室", "材料已经归档", "设备放在二楼", "表格另有说明",
           "记录由专人保管", "这件事由班组长负责", "钥匙在门卫处", "空调常年开着", "电话由总机转接", "名单贴在墙上",
           "工位靠着窗户", "交接在门口进行", "说明书在抽屉里", "早班的人先到", "午休时轮流值守", "打印机在走廊",
           "地线已经接好", "窗帘换了新的", "楼道里装了灯", "门牌重新编过"]
GAINS = "降到|减少了|提高到|回落到|降低了"
COSTS = r"，代价是[^。]*|代价同样清楚：[^。]*|，但每个数都带上了舍入误差|代价是[^。，]*，[^。]*|但是[^。]*|，但是[^。]*"


def cost(t):
    for paragraph in t.body:
        text = paragraph.group()
        for found in re.finditer(COSTS, text):
            if not re.search(GAINS, text[:found.start()]):
                continue  # no gain is told, so no cost is due
            rest = text[:found.start()] + text[found.end():]
            if re.search(r"代价|但|同时也|却|损失|没想到", rest):
                continue  # another cost is still there
            for neutral in NEUTRAL:
                at = paragraph.start() + found.start()
                yield t.put(at, paragraph.start() + found.end(), "，" + neutral if neutral else "")


def swapped(t):
    for i, (a, b) in enumerate(t.numbers):
        for c, d in t.numbers[i + 1:]:
            if t.source[a:b] != t.source[c:d]:
                yield t.source[:a] + t.source[c:d] + t.source[b:c] + t.source[a:b] + t.source[d:]


def chinese(t):
    for begin, end in t.numbers:
        number = re.match(r"[\d.]+", t.source[begin:end]).group()
        rest = t.source[begin + len(number):end]
        forms = [spelled(number), "".join("０１２３４５６７８９．"["0123456789.".index(c)] for c in number)]
        for form in forms:
            yield t.put(begin, end, "百分之" + form if rest == "%" else form + rest)
            yield t.put(begin, end, form + rest.replace("%", "％"))
        yield t.put(begin, end, "约" + spelled(str(max(1, round(float(number))))) +
                    {"%": "个百分点", "": "倍"}.get(rest, rest))


def insert(phrases):
    """Phrases put in as a clause at each comma and full stop."""
    def make(t):
        for at in t.commas:
            for phrase in phrases:
                yield t.put(at, at, "，" + phrase)
    return make


def rewrite_ends(marks):
    def make(t):
        for at in (m.start() for m in re.finditer("。", t.source)):
            for mark in marks:
                yield t.put(at, at + 1, mark)
    return make


def lines_between(lines):
    def make(t):
        for paragraph in t.paragraphs:
            for line in lines:
                yield t.put(paragraph.end(), paragraph.end(), "\n" + line)
    return make


def challenges(t):
    heads = ["夜里比白天慢", "长句子更容易出错", "换机器要重来", "并发多了会排队", "冷门词答不准", "更新之后要重测", "备份占地方",
             "标点也会影响结果"]
    part = t.source.index("五、")
    missing = 6 - len(re.findall("没想到", t.source))
    for shift in range(len(heads)):
        for cause in ("内存不够", "文字太少", "机器太旧", "档位不足", "缓存太小", "文件没有归档", "人手不足", "线路老化", "时段集中",
                      "表格太长"):
            added = "".join(f"{heads[(shift + i) % len(heads)]}\n\n{INDENT}没想到会这样。原因是{cause}，做法是调整安排。\n\n"
                            for i in range(missing))
            yield t.put(part, part, added)


def surprise(t):
    words = ["", "居然", "没料到", "想不到", "竟然", "出人意料的是", "意外的是", "不巧", "其实", "后来发现", "测下来",
             "结果", "原来", "我们发现", "记录显示", "没有想到", "未曾想", "谁知", "不料", "从数据看", "没 想到", "没想過", "按记录", "第二遍测", "复核时"]
    for found in re.finditer("没想到", t.source):
        for word in words:
            yield t.put(found.start(), found.end(), word)


def indents(t):
    for paragraph in t.paragraphs:
        for lead in ("\u3000", "\u3000" * 4, "\u3000" * 3, "", "  ", "    ", "\u3000 ", " \u3000\u3000", "\t"):
            yield t.put(paragraph.start(), paragraph.start() + 2, lead)


def acronyms(t):
    words = ["INT4", "AWQ", "GPU", "KV", "LLM", "GPTQ", "FP16", "int8", "CPU", "AI", "PPL", "Q4"]
    for heading in re.finditer(r"^[^\u3000\n].*$", t.source, re.M):
        for word in words:
            yield t.put(heading.end(), heading.end(), word)
            yield t.put(heading.end() - 1, heading.end() - 1, word)


CLASSES = {
    "digit": (digit, ()),
    "unit": (unit, ()),
    "direction": (direction, ("R56-direction",)),
    "metric word": (metric, ("R56-metric",)),
    "cost dropped": (cost, ("R39-cost",)),
    "swapped numbers": (swapped, ()),
    "Chinese numerals": (chinese, ()),
    "unbound tenths": (insert([f"快了{d}成" for d in "一二三四五六七八九两"] + ["少了近三成", "省了六成多"]), ()),
    "seed numbers": (insert(["显存减少72%", "时延波动±18%", "显存省了77%", "错误率增加2.1个百分点", "时延减少34%", "功耗只有18瓦",
                             "功耗18W", "响应1.2秒", "每天5万次咨询", "每天50k次咨询", "每天审200笔贷款", "每分钟200通电话",
                             "3个省级平台都在用", "审计第7项提到过", "NIAQC查过", "每100次多2个错误", "百分之七十二的内存"]),
                     ("R57-seed-number", "R58-seed-claim")),
    "month": (insert(["测于2026年11月", "6月测的", "在十二月完成", "11月25日测的", "记录到2026-11", "记录到2026/11/25",
                      "上个月测的", "六月份开始", "周三复测", "2026年3月以来", "12号上午开始", "本月复测", "截至5月底"]),
              ("R36-date",)),
    "URL": (insert(["见https://example.com/a", "见www.example.cn", "见example.org", "写信到a.b@example.com",
                    "地址是10.0.3.17", "见http：//x.cn", "打13812345678", "打010-12345678", "见docs.example.io/x",
                    "见ftp://files.example.net"]), ("R34-contact",)),
    "host name": (insert(["取自gpu-node-07", "取自srv01", "取自db-prod-2.internal", "取自ip-10-0-3-17", "取自node12",
                          "取自k8s-worker-03", "登录root@box", "放在/" "home/alice/run", "放在C:\\Users\\bob", "取自localhost",
                          "编号3f2504e0-4f89-11d3-9a0c-0305e82c3301", "网卡52:54:00:12:34:56", "仓库acme/llm-quant"]),
                  ("R35-identifier", "R34-contact")),
    "exclamation": (rewrite_ends(["！", "!", "‼", "！！", "⁉", "。！"]), ("R14-exclamation",)),
    "sixth challenge": (challenges, ("R45-challenges",)),
    "surprise removed": (surprise, ("R47-surprise",)),
    "indent": (indents, ("R27-indent",)),
    "table": (lines_between(["| 版本 | 内存 |", "|---|---|", "版本 | 内存 | 速度 | 备注", "版本\t内存\t速度",
                             INDENT + "| 四位 | 少 |", "| 版本 | 内存 |\n|---|---|\n| 四位 | 少 |"]), ("R25-table",)),
    "emoji": (insert(["好😀", "快🚀", "稳✅", "看👉这里", "好👍🏽", "⚠️注意", "❤️", "①️⃣", "旗🇨🇳", "星⭐"]), ("R23-emoji",)),
    "divider": (lambda t: list(insert(["也就是说——更小", "—更小"])(t)) +
                list(lines_between(["——", "----", "****", "____", "======", "──────", "····", "- - -"])(t)),
                ("R24-divider", "R20-visible-mark")),
    "bullet": (lines_between(["- 内存下降。", "* 内存下降。", "• 内存下降。", INDENT + "- 内存下降。", INDENT + "● 速度上升。",
                              "+ 内存下降。", INDENT + "√ 已经测过。", "➤ 看这里。"]), ("R21-bullet",)),
    "acronym in heading": (acronyms, ("R07-heading-term",)),
}


# What a trace that was damaged along with the text can not excuse.
FOLLOWED = ("digit", "unit", "direction", "metric word", "swapped numbers")

# ---- the table -----------------------------------------------------------------------------------

def caught(report, rules):
    found = {f["rule"] for f in report["findings"] if f["severity"] == "error"} - {"R56-trace-hash"}
    return bool(found & set(rules)) if rules else bool(found)


def follow(binary, file, trace, report):
    """The report of a damaged file with a trace that claims its numerals as they now stand."""
    changed = json.loads(trace.read_text())
    if len(changed["numerals"]) != len(report["numerals"]):
        return report
    for entry, numeral in zip(changed["numerals"], report["numerals"]):
        entry.update(text=numeral["text"], digits=numeral["digits"])
    own = file.with_suffix(".json")
    own.write_text(json.dumps(changed, ensure_ascii=False))
    return lint(binary, [file], "--ledger", LEDGER, "--trace", own)[0]


def as_html(source):
    parts = []
    for line in source.split("\n"):
        if not line:
            continue
        text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(line))
        tag = "p" if line.startswith(INDENT) else "h1" if not parts else "h2"
        parts.append(f"<{tag} style=\"line-height:1.75\">{text}</{tag}>")
    return "<!DOCTYPE html><html><body><section id=\"crumb-article\">" + "\n".join(parts) + "</section></body></html>"


def check_clean(binary, articles, folder):
    """Errors of the clean articles as source, plain text and HTML."""
    errors = 0
    for path, trace, text in articles:
        for name, content in (("source.txt", text.source), ("plain.txt", text.source.replace("**", "")),
                              ("page.html", as_html(text.source))):
            file = folder / name
            file.write_text(content)
            report = lint(binary, [file], "--trace", trace, "--ledger", LEDGER)[0]
            errors += report["errors"]
            for f in report["findings"]:
                print(f"{path.name} as {name}: {f['severity']} {f['rule']} {f['line']}:{f['column']} {f['text']}")
    return errors


def check_generated(binary, count, folder):
    """Writes articles from drawn studies until there are `count`; returns how many were written, how many studies
    were refused for want of evidence, and the errors of the linter in them."""
    written = refused = errors = seed = 0
    sectors = json.loads(subprocess.run([binary, "article", "--library", "--json"], capture_output=True, text=True)
                         .stdout)["sector"]
    while written < count:
        study, out = folder / "study", folder / "generated"
        for path in (study, out):
            shutil.rmtree(path, ignore_errors=True)
        study.mkdir()
        fake_study.write(study / "ledger.db", fake_study.drawn(seed).rows)
        audience = ("government", "managers", "practitioners", "supervisors")[seed % 4]
        length = ("short", "standard", "long")[seed % 3]
        done = subprocess.run([binary, "article", study, "-o", out, "--no-figures", "--sector", sectors[seed % len(sectors)], "--audience",
                               audience, "--length", length], capture_output=True, text=True)
        if done.returncode == 3:
            refused += 1
        else:
            written += 1
            if done.returncode != 0:  # it checks itself, and writes nothing that has an error
                errors += 1
                print(f"study {seed}: {done.stderr.strip()}")
            else:
                for report in lint(binary, [out / "article.source.txt", out / "article.txt"], "--ledger", out, "--trace",
                                   out / "article.trace.json"):
                    errors += report["errors"]
        seed += 1
    return written, refused, errors


def milliseconds(binary, articles, folder):
    """Of one 3,000-character article: what a second file of that length adds to a run."""
    long = articles[0][2].source
    while len(long) < 3000:
        long += "\n" + articles[0][2].source
    file = folder / "long.txt"
    file.write_text(long[:3000])
    def seconds(count):
        start = time.perf_counter()
        subprocess.run([binary, "lint", *[file] * count, "--ledger", LEDGER, "--format", "json"], capture_output=True)
        return time.perf_counter() - start
    whole = statistics.median(seconds(1) for _ in range(9))
    more = statistics.median(seconds(11) - seconds(1) for _ in range(5)) / 10
    return 1000 * whole, 1000 * more


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "crumb"))
    parser.add_argument("--mutants", type=int, default=150)
    parser.add_argument("--generated", type=int, default=200, help="articles made from drawn studies")
    parser.add_argument("--class", dest="only")
    parser.add_argument("--misses", action="store_true", help="print what was not caught")
    parser.add_argument("--ledger-only", action="store_true")
    parser.add_argument("--following-trace", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        articles = []
        for i, (path, table) in enumerate(ARTICLES):
            trace = make_trace(arguments.binary, path, table, folder / f"{i}.json")
            articles.append((path, trace, Text(path.read_text(), lint(arguments.binary, [path])[0])))
        bad = False
        print(f"{'damage':<20} {'caught':>7} {'of':>5}")
        for damage, (make, rules) in CLASSES.items():
            if arguments.only not in (None, damage) or (arguments.following_trace and damage not in FOLLOWED):
                continue
            hits = total = 0
            for i, (path, trace, text) in enumerate(articles):
                texts = sorted({m for m in make(text) if m != text.source})
                random.Random(damage).shuffle(texts)
                files = []
                for k, mutant in enumerate(texts[:-(-arguments.mutants // len(articles))]):
                    file = folder / f"{i}-{k}.txt"
                    file.write_text(mutant)
                    files.append(file)
                options = ["--ledger", LEDGER] if arguments.ledger_only else ["--ledger", LEDGER, "--trace", trace]
                reports = lint(arguments.binary, files, *options)
                if arguments.following_trace:
                    reports = [follow(arguments.binary, f, trace, r) for f, r in zip(files, reports)]
                for file, report in zip(files, reports):
                    total += 1
                    hits += caught(report, () if arguments.ledger_only else rules)
                    if arguments.misses and not caught(report, () if arguments.ledger_only else rules):
                        old, new = text.source.split("\n"), file.read_text().split("\n")
                        print("  missed:", next((b for a, b in zip(old, new) if a != b), "?")[:200])
            bad |= hits < WANTED * total
            print(f"{damage:<20} {hits:>7} {total:>5}{'' if hits >= WANTED * total else '  below 98 %'}")
        errors = check_clean(arguments.binary, articles, folder)
        written, refused, found = check_generated(arguments.binary, arguments.generated, folder)
        errors += found
        whole, more = milliseconds(arguments.binary, articles, folder)
        print(f"clean articles: {errors} errors in {3 * len(articles)} files")
        print(f"generated articles: {found} errors in {written} articles; {refused} studies refused for want of evidence")
        print(f"3,000 characters: {whole:.0f} ms with starting the program, {more:.1f} ms for one article more")
    return 1 if bad or errors else 0


if __name__ == "__main__":
    sys.exit(main())
