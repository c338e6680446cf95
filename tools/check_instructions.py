#!/usr/bin/env python3
"""Counts the instructions of every codec's product under valgrind and compares them with a table.

usage: check_instructions.py [--program PATH] [--update]

Time on a busy machine is noise; instructions are not. callgrind counts those of one product of each
codec (and of its form in tiles, where a set has one) with 1, 4 and 17 rows of activations (src/kernels/instructions_bench.cc), for the sets scalar and
avx2 (valgrind knows no AVX-512). Runs of one build give equal counts, all of them (four runs), so
that any growth is real; TOLERANCE, or 60 instructions, is left for what is not ours: the C library's
copies and the compiler's smaller choices. Counts belong to one compiler: with another the check
says so and exits with 77 (skipped).

The table is src/kernels/testdata/instructions.csv; --update writes it anew, which belongs into the
same commit as the change that made a kernel longer, with the reason.
Only the standard library is used. Exit code: 0 nothing grew, 1 something did, 77 skipped.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "src" / "kernels" / "testdata" / "instructions.csv"
SETS = ["scalar", "avx2"]
TOLERANCE = 0.02
LEAST = 60


def count(program, kernel_set):
    """The compiler, and a list of ("set,codec,rows", instructions)."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
                   "--collect-atstart=no", "--toggle-collect=CountedProduct",
                   "--dump-after=CountedProduct", str(program), kernel_set]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: {done.stdout[-400:]}{done.stderr[-2000:]}")
        compiler, *labels = done.stdout.splitlines()
        dumps = sorted(pathlib.Path(folder).glob("out.*"), key=lambda p: int(p.suffix[1:]))
        counts = [int(re.search(r"^(?:totals|summary): (\d+)", p.read_text(), re.M)[1])
                  for p in dumps]
    counts = [n for n in counts if n > 0]
    if len(counts) != len(labels):
        sys.exit(f"{len(labels)} products but {len(counts)} counts")
    return compiler, list(zip(labels, counts))


def read_table():
    if not TABLE.exists():
        return None, {}
    first, _, *rows = TABLE.read_text().splitlines()
    return first.removeprefix("# g++ "), {key: int(n) for key, n in
                                          (row.rsplit(",", 1) for row in rows)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path,
                        default=ROOT / "build" / "release" / "instructions_bench")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None or not arguments.program.exists():
        print(f"skipped: valgrind or {arguments.program} is not there")
        return 77
    counted = [(compiler, *one) for s in SETS for compiler, ones in [count(arguments.program, s)]
               for one in ones]
    compiler = counted[0][0]
    if arguments.update:
        rows = "".join(f"{key},{n}\n" for _, key, n in counted)
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(f"# g++ {compiler}\nset,codec,rows of activations,instructions\n{rows}")
        return 0
    expected_compiler, expected = read_table()
    if compiler != expected_compiler:
        print(f"skipped: built by {compiler}, the table is of {expected_compiler}")
        return 77
    grown = 0
    for _, key, n in counted:
        before = expected.pop(key, None)
        if before is None:
            print(f"{key}: is not in {TABLE.name}; run tools/check_instructions.py --update")
            grown += 1
        elif n > before * (1 + TOLERANCE) and n > before + LEAST:
            print(f"{key}: {n} instructions, {n / before - 1:+.1%} against {before}")
            grown += 1
    for key in expected:
        print(f"{key}: is in {TABLE.name} but was not counted")
        grown += 1
    print(f"{len(counted)} products counted, {grown} of them worse than the table")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
