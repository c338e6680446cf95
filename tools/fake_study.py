#!/usr/bin/env python3
"""Made-up studies as ledgers, for the tests of what reads studies: nothing in them was measured.

usage: fake_study.py DIR [--seed N | --scenario NAME]

Writes DIR/ledger.db with the rows of a study, the chain included, from docs/formats/ledger.md and nothing
else of crumb. --seed draws everything: kind of model, widths, methods, languages, losses, speeds, how
wide the intervals are, and what is missing. --scenario makes one of the results that an article has
to tell as they are: """
import argparse
import hashlib
import json
import math
import pathlib
import random
import sqlite3

START = "0" * 64
COLUMNS = """kind TEXT NOT NULL,metric TEXT NOT NULL,subject TEXT NOT NULL,value REAL NOT NULL,unit TEXT NOT NULL,
low REAL,high REAL,standard_error REAL,n INTEGER NOT NULL,n_of TEXT NOT NULL,method TEXT NOT NULL,
method_version INTEGER NOT NULL,model TEXT NOT NULL,model_sha256 TEXT NOT NULL,text TEXT NOT NULL,
text_sha256 TEXT NOT NULL,codec TEXT NOT NULL,options TEXT NOT NULL,commit TEXT NOT NULL,cpu_model TEXT NOT NULL,
kernel_set TEXT NOT NULL,threads INTEGER NOT NULL,quarter TEXT NOT NULL,time_utc TEXT NOT NULL,detail TEXT NOT NULL,
supersedes TEXT NOT NULL""".replace("\n", "").split(",")
NAMES = [column.split()[0] for column in COLUMNS]
KEY = ["metric", "subject", "unit", "method", "method_version", "model_sha256", "text_sha256", "codec", "options",
       "kernel_set", "cpu_model", "threads"]
REFUSE = "SELECT RAISE(ABORT, 'the ledger is append-only');"


def field(value):
    """One value in canonical form."""
    if value is None:
        return b"-,"
    data = (repr(value).removesuffix(".0") if isinstance(value, float) else str(value)).encode()
    return b"%d:%s," % (len(data), data)


def create(path):
    """An empty ledger, open for appending."""
    db = sqlite3.connect(path)
    columns = "".join(', "%s" %s' % tuple(column.split(" ", 1)) for column in COLUMNS)
    db.execute(f'CREATE TABLE evidence("id" INTEGER PRIMARY KEY{columns}, "previous_hash" TEXT NOT NULL, '
               '"hash" TEXT NOT NULL, "key" TEXT NOT NULL) STRICT')
    db.execute('CREATE TABLE input("id" INTEGER PRIMARY KEY, "role" TEXT NOT NULL, "name" TEXT NOT NULL, "sha256" TEXT '
               'NOT NULL, "previous_hash" TEXT NOT NULL, "hash" TEXT NOT NULL) STRICT')
    db.execute('CREATE TABLE chain("name" TEXT NOT NULL PRIMARY KEY, "rows" INTEGER NOT NULL, "head" TEXT NOT NULL) '
               'STRICT')
    db.execute('CREATE INDEX evidence_key ON evidence("key")')
    db.execute(f"CREATE TRIGGER chain_no_delete BEFORE DELETE ON chain BEGIN {REFUSE} END")
    for table in ("evidence", "input"):
        for rule, when in (("no_update", "UPDATE"), ("no_delete", "DELETE")):
            db.execute(f"CREATE TRIGGER {table}_{rule} BEFORE {when} ON {table} BEGIN {REFUSE} END")
        db.execute(f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} WHEN NOT EXISTS (SELECT 1 FROM chain "
                   f"WHERE name = '{table}' AND NEW.id = rows + 1 AND NEW.previous_hash = head) BEGIN {REFUSE} END")
        db.execute(f"CREATE TRIGGER {table}_count AFTER INSERT ON {table} BEGIN UPDATE chain SET rows = NEW.id, head = "
                   f"NEW.hash WHERE name = '{table}'; END")
        db.execute("INSERT INTO chain VALUES(?, 0, ?)", (table, START))
    db.execute(f"PRAGMA application_id = {0x6372756D}")
    db.execute("PRAGMA user_version = 1")
    return db


def write(path, rows):
    """Rows (dicts of columns) as a ledger at `path`."""
    db = create(path)
    head = START
    for number, row in enumerate(rows, 1):
        values = [row[name] for name in NAMES]
        previous = head
        head = hashlib.sha256(b"".join(map(field, ["crumb-evidence-1", previous, number, *values]))).hexdigest()
        key = hashlib.sha256(b"".join(map(field, ["crumb-key-1", *(row[name] for name in KEY)]))).hexdigest()
        marks = ", ".join("?" * (len(NAMES) + 4))
        db.execute(f"INSERT INTO evidence VALUES({marks})", [number, *values, previous, head, key])
    db.commit()
    db.close()


class Study:
    """A study under construction: rows with the fields that they all share."""

    def __init__(self, model, encoder, quarter="2026-Q4"):
        self.model, self.encoder, self.quarter, self.rows = model, encoder, quarter, []

    def add(self, metric, subject, value, unit="", low=None, high=None, text="", kind="measured", detail="",
            options="", supersedes=""):
        self.rows.append({
            "kind": kind, "metric": metric, "subject": subject, "value": float(value), "unit": unit,
            "low": None if low is None else float(low), "high": None if high is None else float(high),
            "standard_error": None, "n": 9, "n_of": "windows", "method": "made-up", "method_version": 1,
            "model": self.model, "model_sha256": hashlib.sha256(self.model.encode()).hexdigest(), "text": text,
            "text_sha256": hashlib.sha256(text.encode()).hexdigest() if text else "", "codec": subject, "options": options,
            "commit": "000000000000", "cpu_model": "made up", "kernel_set": "scalar", "threads": 1,
            "quarter": self.quarter, "time_utc": "2026-11-22T03:00:00Z", "detail": detail, "supersedes": supersedes})
        return len(self.rows)

    def measured(self, metric, subject, value, half, unit="", **more):
        """With an interval of `half` (a share of the value) to both sides."""
        self.add(metric, subject, value, unit, value * (1 - half), value * (1 + half), **more)

    def sizes(self, subject, matrix, total, file=None, parameters=134515008, peak=70e6):
        memory = parameters * total // 8
        exact = dict(kind="computed")
        self.add("matrix_bits_per_weight", subject, matrix, "bits", **exact)
        self.add("total_bits_per_weight", subject, total, "bits", **exact)
        self.add("weight_memory_bytes", subject, memory, "bytes", **exact)
        self.add("disk_bytes", subject, file if file else memory + 1.7e6, "bytes", **exact)
        if not self.encoder:
            self.add("kv_cache_bytes", subject, 23592960, "bytes", **exact)
        self.add("peak_resident_bytes", subject, memory + peak, "bytes")

    def quality(self, subject, text, ratio, half, agreement):
        if subject == "reference":
            return
        self.add("perplexity_ratio", subject, ratio, "", ratio * math.exp(-half), ratio * math.exp(half), text=text)
        self.add("top_token_agreement", subject, agreement, "", agreement * 0.985, min(1.0, agreement * 1.015), text=text)


# subject of the best method and of rounding beside it, bits of its matrices, of everything, share of damage
WIDTHS = {"8": (None, "int8+embed8", 8.375, 8.381, 0.003), "4": ("trellis4+embed8", "int4+embed8", 4.03, 4.951, 0.03),
          "3": ("trellis3+embed8", "int3+embed8", 3.03, 4.16, 0.1), "2": ("trellis2+embed8", "int2+embed8", 2.03, 3.371, 0.4),
          "1.58": ("ternary-ternary+embed8", "ternary+embed8", 1.875, 3.251, 1.0),
          "1": ("trellis1+embed8", "int1+embed8", 1.03, 2.58, 1.3)}


def decoder(rng, model="made-up-model.gguf", widths=tuple(WIDTHS), methods="best", texts=("en", "zh"), damage=1.0,
            chinese=1.5, rounding=8.0, half=0.02, speed=None, jitter=0.03, valid=True, load=None, packed=False, tasks=(),
            task_change=-0.02, energy=None, peak=70e6, losses=None):
    """Every number of a decoder's study; `speed` and `load` map a width ("16" of the reference) to a factor."""
    study = Study(model, False)
    subjects = [("reference", "16", 16.0, 16.0, 0.0)]
    for width in widths:
        best, rounded, matrix, total, loss = WIDTHS[width]
        loss = (losses or {}).get(width, loss * damage)
        if methods != "rtn" and best:
            subjects.append((best, width, matrix, total, loss))
        subjects.append((rounded, width, matrix + 0.345 if best and methods != "rtn" else matrix, total + 0.27,
                         loss * (rounding if best else 1)))
    for subject, width, matrix, total, loss in subjects:
        study.sizes(subject, matrix, total, file=98362432 if packed and subject == "reference" else None, peak=peak)
        for text in texts:
            here = loss * (chinese if text == "zh" else 1)
            study.quality(subject, text, math.exp(min(here, 12)), half * (0.4 + here), max(0.002, 1 / (1 + 1.6 * here) - 0.01))
        factor = (speed or {}).get(width, 16 / total)
        coded = 0.8 if "trellis" in subject else 1.0
        rate = 104 * (factor * coded if subject != "reference" else 1)
        detail = json.dumps({"samples": [rate], "valid": valid}, separators=(",", ":"))
        study.measured("generation_tokens_per_second", subject, rate, jitter * rng.uniform(0.6, 2), "tokens/s", detail=detail)
        study.measured("prompt_tokens_per_second", subject, 760 * rng.uniform(0.9, 2.6), jitter, "tokens/s")
        study.measured("generation_bandwidth_share", subject, min(0.95, 0.8 * factor * total / 16), 0.03)
        study.measured("load_seconds", subject, (load or {}).get(width, 0.06 + total / 60), 0.05, "s")
        if subject != "reference":
            study.add("quantize_seconds", subject, 0.45 if subject.startswith("int") else 82.0, "s")
        if energy is not None:
            study.measured("energy_joules_per_token", subject, energy * total / 16 if width != "16" else energy, 0.02, "J")
        for task in tasks:
            change = 0.0 if subject == "reference" else task_change * (1 + loss)
            study.measured("task_accuracy", subject, max(0.05, 0.61 + change), 0.03, text=task)
            if subject != "reference":
                study.add("task_accuracy_change", subject, change, "", change - 0.012, change + 0.012, text=task)
    study.measured("read_bandwidth_bytes_per_second", "machine", 36.5e9, 0.02, "bytes/s")
    return study


def encoder(rng, model="made-up-encoder.safetensors", widths=tuple(WIDTHS), methods="best", texts=("en", "zh"), damage=1.0,
            chinese=1.5, rounding=8.0, half=0.003, speed=None, jitter=0.03, valid=True, spearman=0.82, order=0.1,
            load=None, peak=40e6, losses=None):
    study = Study(model, True)
    subjects = [("reference", "16", 32.0, 32.0, 0.0)]
    for width in widths:
        best, rounded, matrix, total, loss = WIDTHS[width]
        loss = (losses or {}).get(width, loss * damage)
        if methods != "rtn" and best:
            subjects.append((best, width, matrix, total + 2, loss))
        subjects.append((rounded, width, matrix + 0.3, total + 2.2, loss * (rounding if best else 1)))
    for subject, width, matrix, total, loss in subjects:
        study.sizes(subject, matrix, total, parameters=22565376, peak=peak)
        if subject != "reference":
            for text in texts:
                here = loss * (chinese if text == "zh" else 1)
                cosine = max(0.02, math.exp(-0.2 * here))
                study.add("embedding_cosine", subject, cosine, "", cosine - half * (1 + here), min(1.0, cosine + half * (1 + here)),
                          text=text)
            study.add("quantize_seconds", subject, 0.11 if subject.startswith("int") else 70.0, "s")
        study.measured("stsb_spearman", subject, spearman * math.exp(-order * loss), 0.02, text="sts-test.tsv")
        rate = 190 * (speed or {}).get(width, 1.9 if width != "16" else 1)
        detail = json.dumps({"samples": [rate], "valid": valid}, separators=(",", ":"))
        study.measured("sentences_per_second", subject, rate, jitter * rng.uniform(0.6, 2), "sentences/s", text="en",
                       detail=detail)
        study.measured("load_seconds", subject, (load or {}).get(width, 0.03 + total / 200), 0.05, "s")
    study.measured("read_bandwidth_bytes_per_second", "machine", 36.5e9, 0.02, "bytes/s")
    return study


SCENARIOS = {
    "usual": lambda rng: decoder(rng),
    "chinese-suffers-less": lambda rng: decoder(rng, chinese=0.4, half=0.01),
    "chinese-suffers-more": lambda rng: decoder(rng, chinese=2.5, half=0.01),
    "two-bits-faster": lambda rng: decoder(rng, speed={"8": 1.6, "4": 2.2, "3": 2.6, "2": 4.5, "1.58": 4.6, "1": 4.8}),
    "two-bits-slower": lambda rng: decoder(rng, speed={"8": 1.8, "4": 2.9, "3": 2.1, "2": 1.4, "1.58": 1.3, "1": 1.2}),
    "slower-than-reference": lambda rng: decoder(rng, speed={w: 0.6 for w in WIDTHS}),
    "no-faster": lambda rng: decoder(rng, speed={w: 1.25 for w in WIDTHS}, jitter=0.1),
    "nothing-lost": lambda rng: decoder(rng, damage=0.002, half=0.02),
    "calibration-useless": lambda rng: decoder(rng, rounding=1.0),
    "calibration-harmful": lambda rng: decoder(rng, rounding=0.3, half=0.01),
    "rounded-only": lambda rng: decoder(rng, methods="rtn", widths=("8", "4", "3", "2")),
    "all-broken": lambda rng: decoder(rng, damage=30, widths=("4", "3", "2")),
    "only-chinese": lambda rng: decoder(rng, texts=("zh",)),
    "own-text": lambda rng: decoder(rng, texts=("notes.txt",)),
    "slow-start": lambda rng: decoder(rng, load={w: 0.9 for w in WIDTHS}),
    "same-start": lambda rng: decoder(rng, load={w: 0.33 for w in ("16", *WIDTHS)}),
    "packed-reference": lambda rng: decoder(rng, packed=True),
    "busy-machine": lambda rng: decoder(rng, valid=False, jitter=0.08),
    "tasks-fall": lambda rng: decoder(rng, tasks=("hellaswag:acc_norm", "piqa:acc"), task_change=-0.05),
    "tasks-level": lambda rng: decoder(rng, tasks=("ceval:acc",), task_change=-0.002, half=0.01),
    "energy": lambda rng: decoder(rng, energy=0.9, tasks=("piqa:acc",)),
    "steadier": lambda rng: decoder(rng, jitter=0.02, speed={w: 1.1 for w in WIDTHS}),
    "only-english-suffers": lambda rng: decoder(rng, chinese=0.02, half=0.03),
    "only-chinese-suffers": lambda rng: decoder(rng, chinese=6, damage=0.2, half=0.06),
    "starts-slower-below": lambda rng: decoder(rng, load={"16": 0.34, "8": 0.08, "4": 0.11, "3": 0.19, "2": 0.23, "1.58": 0.25, "1": 0.23}),
    "encoder-slower-than-reference": lambda rng: encoder(rng, speed={w: 0.6 for w in WIDTHS}),
    "encoder": lambda rng: encoder(rng),
    "encoder-collapse": lambda rng: encoder(rng, losses={"1": 9.0}, rounding=3, order=0.3),
    "encoder-order-falls": lambda rng: encoder(rng, order=0.9, damage=1.2),
    "encoder-holds": lambda rng: encoder(rng, order=0.001, damage=0.4),
    "encoder-slower": lambda rng: encoder(rng, speed={"8": 2.0, "4": 1.2, "3": 1.1, "2": 0.8, "1.58": 0.7, "1": 0.7}),
    "encoder-faster": lambda rng: encoder(rng, speed={"8": 1.5, "4": 2.2, "3": 2.5, "2": 3.0, "1.58": 3.2, "1": 3.5}),
    "encoder-english-worse": lambda rng: encoder(rng, chinese=0.3),
    "encoder-rounded": lambda rng: encoder(rng, methods="rtn", rounding=1),
    "encoder-no-faster": lambda rng: encoder(rng, speed={w: 1.0 for w in WIDTHS}),
}
__doc__ += ", ".join(SCENARIOS) + ".\n"


def scenario(name):
    return SCENARIOS[name](random.Random(name))


def drawn(seed):
    """A study of which everything is drawn."""
    rng = random.Random(seed)
    shape = dict(
        widths=tuple(w for w in WIDTHS if rng.random() < 0.75) or ("4",),
        methods=rng.choice(["best", "best", "best", "rtn"]),
        texts=rng.choice([("en", "zh"), ("en", "zh"), ("en", "zh"), ("zh",), ("en",), ("notes.txt",)]),
        damage=math.exp(rng.gauss(0, 1.1)), chinese=math.exp(rng.gauss(0.2, 0.6)), rounding=math.exp(rng.gauss(1.2, 1.2)),
        jitter=math.exp(rng.gauss(-3.3, 0.8)), valid=rng.random() < 0.7,
        speed={w: math.exp(rng.gauss(0.7, 0.5)) for w in WIDTHS}, load={w: math.exp(rng.gauss(-1.8, 0.6)) for w in ("16", *WIDTHS)},
        peak=math.exp(rng.gauss(18, 0.5)))
    if rng.random() < 0.3:
        study = encoder(rng, model=rng.choice(["all-MiniLM-L6-v2.safetensors", "some-encoder.gguf"]),
                        half=math.exp(rng.gauss(-5.5, 0.8)), order=math.exp(rng.gauss(-2, 1)), **shape)
    else:
        study = decoder(rng, model=rng.choice(["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m.gguf", "qwen2.5-0.5b.gguf", "x.gguf"]),
                        half=math.exp(rng.gauss(-4, 0.8)), packed=rng.random() < 0.3,
                        tasks=rng.choice([(), (), ("hellaswag:acc_norm",), ("piqa:acc", "ceval:acc")]),
                        task_change=rng.gauss(-0.02, 0.03), energy=rng.choice([None, None, 0.8]), **shape)
    # Some of what a study measures is missing: a stopped study, a machine without a meter.
    dropped = {m for m in sorted({row["metric"] for row in study.rows}) if rng.random() < 0.04}
    study.rows = [row for row in study.rows if row["metric"] not in dropped]
    return study


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--scenario", choices=SCENARIOS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    study = scenario(arguments.scenario) if arguments.scenario else drawn(arguments.seed or 0)
    write(arguments.folder / "ledger.db", study.rows)


if __name__ == "__main__":
    main()
