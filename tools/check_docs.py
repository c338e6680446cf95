#!/usr/bin/env python3
"""Checks that what the documents name is there.

usage: check_docs.py [--binary build/release/crumb]

In README.md, CONTRIBUTING.md, THIRD_PARTY.md, docs/ and the folders' README.md files:
  - a link to a file, and a path in `code` that begins with a folder of the repository, must exist;
  - `make TARGET` must be a target of the Makefile;
  - `crumb COMMAND ... --flag` in code must be a command with that flag, as `crumb COMMAND --help`
    says; without the program this part is left out.
Prints one line per finding; the exit code is 1 if there is one.
"""

import argparse
import functools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?<![\w/.*~$<>-])((?:src|tools|tests|docs|cmake|share|\.ci)/[\w./-]*\w)")
# What stands for a name that the reader chooses.
PLACEHOLDER = re.compile(r"NAME|\bX\b|\bX_")
MAKE = re.compile(r"(?:^|[\s;&(])make ([a-z-]+)")
COMMAND = re.compile(r"(?:^|[\s;&|(])(?:\S*/)?crumb ((?:[a-z]+|-).*)")


def documents(root):
    named = [root / name for name in ("README.md", "CONTRIBUTING.md", "THIRD_PARTY.md")]
    folders = [*sorted((root / "docs").rglob("*.md")), *sorted((root / "src").glob("*/README.md")),
               *sorted((root / "tools").glob("*.md")), *sorted((root / "tests").glob("*.md"))]
    return [path for path in [*named, *folders] if path.exists()]


def code_pieces(text):
    """Pairs (line number, code) of fenced blocks, a line each with continuations joined, and `code`."""
    inside, pending, begin = False, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif inside:
            begin = begin if pending else number
            pending += line.rstrip("\\")
            if not line.endswith("\\"):
                yield begin, pending
                pending = ""
        else:
            for piece in CODE.findall(line):
                yield number, piece


def exists(root, base, path):
    """A path of the repository, or relative to the document; `*` stands for any name."""
    if any((root.glob(path))) if "*" in path else (root / path).exists():
        return True
    return (base / path).exists()


def check_paths(root, document, text):
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line):
            if "://" not in target and not (document.parent / target).exists():
                yield number, f"links to {target}, which is not there"
    for number, piece in code_pieces(text):
        for path in PATH.findall(piece):
            if not PLACEHOLDER.search(path) and not exists(root, document.parent, path):
                yield number, f"names {path}, which is not there"


def check_make(targets, text):
    for number, piece in code_pieces(text):
        for target in MAKE.findall(piece):
            if target not in targets:
                yield number, f"names make {target}, which the Makefile does not have"


@functools.lru_cache(maxsize=None)
def help_text(binary, command):
    """What `crumb COMMAND --help` prints, or None where there is no such command."""
    done = subprocess.run([binary, *command, "--help"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def commands_of(text):
    """The names in a help text's list of subcommands."""
    found = re.search(r"^(?:Subcommands|Commands):\n((?:[ \t]+.*\n?)+)", text or "", re.M)
    return set(re.findall(r"^ {2}([a-z]+)\b", found.group(1), re.M)) if found else set()


def check_commands(binary, text):
    top = help_text(binary, ())
    for number, piece in code_pieces(text):
        found = COMMAND.search(piece.split(" #")[0])
        if not found:
            continue
        words = re.split(r"[|;&>]", found.group(1))[0].split()
        command, rest = (), words
        if not words[0].startswith("-"):
            names = words[0].split("|")
            if words[0] not in commands_of(top):
                yield number, f"names crumb {words[0]}, which is no command"
                continue
            command, rest = (names[0],), words[1:]
            if rest and rest[0].split("|")[0] in commands_of(help_text(binary, command)):
                command, rest = command + (rest[0].split("|")[0],), rest[1:]
        known = (help_text(binary, command) or "") + (top or "")
        for flag in re.findall(r"(?<![\w-])(--[a-z][\w-]*|-[a-zA-Z])\b", " ".join(rest)):
            if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", known):
                yield number, f"names {flag} of crumb {' '.join(command)}, which it does not have"


def makefile_targets(root):
    text = (root / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", text, re.M))


def check(root, binary=None):
    """Returns a list of lines, one a finding."""
    findings = []
    targets = makefile_targets(root)
    for document in documents(root):
        text = document.read_text(encoding="utf-8")
        found = [*check_paths(root, document, text), *check_make(targets, text)]
        if binary:
            found += check_commands(binary, text)
        findings += [f"{document.relative_to(root)}:{number}: {what}" for number, what in found]
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary")
    arguments = parser.parse_args()
    findings = check(ROOT, arguments.binary)
    for line in findings:
        print(f"error: {line}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
