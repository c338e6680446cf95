#!/usr/bin/env python3
"""Runs the built tests and prints, as the last line, `N passed, N failed, N skipped`.

usage: run_tests.py STAGE... [--fuzz-seconds N]

Stages (the Makefile builds what they need):
  unit         the unit test programs of build/release
  integration  tests/test_*.py, against build/release/crumb
  asan, tsan   the unit test programs of build/asan, build/tsan
  fuzz         each fuzz target of build/fuzz for --fuzz-seconds, counted as one test
  format       clang-format changes nothing, counted as one test
  tidy         clang-tidy on every source file, counted as one test a file
  arm          the kernels' tests, built for ARM and run in an emulator
  counts       no product takes more instructions than its table says, counted as one test

Only the standard library is used. The exit code is the verdict: 0 when nothing failed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
JOBS = os.cpu_count() or 1
PROGRAM_TIMEOUT_S = 1500
# What the tests want in the cache; a test whose model could not be fetched skips.
MODELS = ["smollm2", "minilm", "gemma3-270m"]


class Totals:
    """Counts of one run, and the reasons of the skipped tests."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def say(text):
    print(text, flush=True)


def test_environment():
    """The environment of every test: where the data lies, and a terminal that is none."""
    env = dict(os.environ)
    data = ROOT.parent / "shared" / "data"
    if "CRUMB_DATA" not in env and data.is_dir():
        env["CRUMB_DATA"] = str(data)
    env["CRUMB_BINARY"] = str(BUILD / "release" / "crumb")
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:allocator_may_return_null=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
    return env


def fetch_models(env):
    """Brings the tests' models into the cache; without a network it says so and goes on."""
    binary = env["CRUMB_BINARY"]
    if not os.access(binary, os.X_OK):
        say(f"models: {binary} is not built; tests that need a model use the cache as it is")
        return
    for model in MODELS:
        done = subprocess.run([binary, "pull", model], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            say(f"models: {model} is not there, its tests skip: {lines[-1]}")


def count_gtest_report(path, name, totals):
    """Adds the cases of one GoogleTest XML report; prints failures and skips with their reasons."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        title = f"{name}: {case.get('classname')}.{case.get('name')}"
        failures = case.findall("failure")
        skips = case.findall("skipped")
        if failures:
            totals.add(failed=1)
            say(f"FAILED {title}")
        elif skips:
            totals.add(skipped=1)
            message = (skips[0].get("message") or "no reason given").strip()
            say(f"skipped {title}: {message.splitlines()[-1]}")
        elif case.get("status") == "run":
            totals.add(passed=1)


def run_gtest_program(command, label, env, scratch):
    """Runs one test program; returns (label, report path, output, exit code, seconds)."""
    report = pathlib.Path(scratch) / f"{label.replace('/', '-')}.xml"
    start = time.monotonic()
    try:
        done = subprocess.run(command + [f"--gtest_output=xml:{report}", "--gtest_color=no"],
                              env=env, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=PROGRAM_TIMEOUT_S)
        output, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        output, code = f"stopped after {PROGRAM_TIMEOUT_S} s", 124
    return label, report, output, code, time.monotonic() - start


def run_gtest_programs(commands, env, totals):
    """Runs (label, command) pairs, several at a time, and counts their cases."""
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = [pool.submit(run_gtest_program, command, label, env, scratch)
                for label, command in commands]
        for run in runs:
            label, report, output, code, seconds = run.result()
            say(f"{label}: {seconds:.1f} s")
            before = totals.failed
            if report.exists():
                count_gtest_report(report, label, totals)
            if code != 0 and totals.failed == before:  # a crash, or a sanitizer's report at the end
                totals.add(failed=1)
                say(f"FAILED {label}: exit code {code}")
            if totals.failed > before:
                say(output[-20000:])


def stage_programs(preset, env, totals):
    programs = sorted((BUILD / preset).glob("crumb_*_test"))
    if not programs:
        totals.add(failed=1)
        say(f"FAILED {preset}: no test programs in build/{preset}")
    run_gtest_programs([(f"{preset}/{p.name}", [str(p)]) for p in programs], env, totals)


class PrintingResult(unittest.TestResult):
    """Prints what did not pass as it comes, and counts what did."""

    def __init__(self):
        super().__init__()
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        say(f"FAILED {test.id()}\n{self.failures[-1][1]}")

    def addError(self, test, err):
        super().addError(test, err)
        say(f"FAILED {test.id()}\n{self.errors[-1][1]}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        say(f"skipped {test.id()}: {reason}")


def stage_integration(env, totals):
    os.environ.update(env)
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]
    sys.dont_write_bytecode = True
    suite = unittest.defaultTestLoader.discover(str(ROOT / "tests"), "test_*.py")
    result = PrintingResult()
    start = time.monotonic()
    suite.run(result)
    say(f"integration: {time.monotonic() - start:.1f} s")
    totals.add(passed=result.passed, failed=len(result.failures) + len(result.errors),
               skipped=len(result.skipped))


def run_fuzzer(target, seconds, env):
    """One fuzz target; its corpus grows in build/fuzz/corpus, seeded from tests/corpus."""
    corpus = BUILD / "fuzz" / "corpus" / target.name
    findings = BUILD / "fuzz" / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "tests" / "corpus" / target.name
    command = [str(target), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=3000",
               "-print_final_stats=1", f"-artifact_prefix={findings}/{target.name}-", str(corpus)]
    if seeds.is_dir():
        command.append(str(seeds))
    try:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds + 120)
        return target.name, done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return target.name, 124, f"did not end {seconds} s after its time"


def stage_fuzz(seconds, env, totals):
    targets = sorted(p for p in (BUILD / "fuzz" / "fuzz").glob("*_fuzz") if os.access(p, os.X_OK))
    if not targets:
        totals.add(failed=1)
        say("FAILED fuzz: no fuzz targets in build/fuzz/fuzz")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for name, code, output in pool.map(lambda t: run_fuzzer(t, seconds, env), targets):
            runs = [line.split()[-1] for line in output.splitlines()
                    if line.startswith("stat::number_of_executed_units")]
            if code == 0:
                totals.add(passed=1)
                say(f"fuzz/{name}: {runs[-1] if runs else '?'} inputs in {seconds} s")
            else:
                totals.add(failed=1)
                say(f"FAILED fuzz/{name}: exit code {code}\n{output[-6000:]}")


def sources(*suffixes):
    return sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in suffixes)


def stage_format(totals):
    files = [str(p) for p in sources(".h", ".cc")]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True,
                          text=True)
    if done.returncode == 0:
        totals.add(passed=1)
    else:
        totals.add(failed=1)
        say(f"FAILED format: run make format\n{done.stderr[-4000:]}")


def run_tidy(path):
    # The compile commands are those of g++, whose -Wconversion leaves signs out.
    command = ["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option",
               "--extra-arg=-Wno-sign-conversion", "-p", str(BUILD / "release"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return path, done.returncode, done.stdout


def stage_tidy(totals):
    files = [p for p in sources(".cc") if not p.stem.endswith(("_fuzz", "_bench", "_neon"))]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for path, code, output in pool.map(run_tidy, files):
            if code == 0:
                totals.add(passed=1)
            else:
                totals.add(failed=1)
                say(f"FAILED tidy {path.relative_to(ROOT)}\n{output[-4000:]}")


def stage_arm(env, totals):
    """Builds base, codecs and kernels for ARM and runs their tests in qemu."""
    done = subprocess.run([str(ROOT / "tools" / "build_arm.sh")], cwd=ROOT, env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode == 77:  # as automake: this machine can not
        totals.add(skipped=1)
        say(f"skipped arm: {done.stdout.strip().splitlines()[-1]}")
        return
    if done.returncode != 0:
        totals.add(failed=1)
        say(f"FAILED arm: the build\n{done.stdout[-6000:]}")
        return
    libraries = BUILD / "arm" / "sysroot" / "usr" / "lib" / "aarch64-linux-gnu"
    emulator = ["qemu-aarch64", "-cpu", "max", "-L", "/usr/aarch64-linux-gnu", "-E",
                f"LD_LIBRARY_PATH={libraries}"]
    # The emulated kernel shows the /proc/cpuinfo of the machine it runs on.
    leave_out = ["--gtest_filter=-CpuInfo.AgreesWithTheKernel"]
    programs = sorted((BUILD / "arm").glob("crumb_*_test"))
    run_gtest_programs([(f"arm/{p.name}", [*emulator, str(p), *leave_out]) for p in programs], env,
                       totals)


def stage_counts(totals):
    """tools/check_instructions.py: instructions of the kernels under valgrind."""
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "check_instructions.py")],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    say(done.stdout.strip())
    totals.add(passed=done.returncode == 0, skipped=done.returncode == 77,
               failed=done.returncode not in (0, 77))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    stages = ["unit", "integration", "asan", "tsan", "fuzz", "format", "tidy", "arm",
              "counts"]
    parser.add_argument("stages", nargs="+", choices=stages, metavar="STAGE")
    parser.add_argument("--fuzz-seconds", type=int, default=15)
    arguments = parser.parse_args()
    env = test_environment()
    totals = Totals()
    if {"unit", "integration", "asan", "tsan"} & set(arguments.stages):
        fetch_models(env)
    run = {
        "unit": lambda: stage_programs("release", env, totals),
        "integration": lambda: stage_integration(env, totals),
        "asan": lambda: stage_programs("asan", env, totals),
        "tsan": lambda: stage_programs("tsan", env, totals),
        "fuzz": lambda: stage_fuzz(arguments.fuzz_seconds, env, totals),
        "format": lambda: stage_format(totals),
        "tidy": lambda: stage_tidy(totals),
        "arm": lambda: stage_arm(env, totals),
        "counts": lambda: stage_counts(totals),
    }
    for stage in arguments.stages:
        say(f"== {stage}")
        run[stage]()
    say(totals.line())
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
