#!/usr/bin/env python3
"""Holds the dependency order of src/ and the sizes of its files.

usage: check_layers.py [ROOT]

A folder may include only folders that stand before it in ORDER, and fewer where ALLOWED says so;
a benchmark (*_bench) may include measure too.
Each folder has a README.md. A file over WARN_LINES lines is told, over MAX_LINES it fails; a function
over MAX_FUNCTION_LINES fails. Prints one line per finding; the exit code is 1 if one of them fails.
"""

import pathlib
import re
import sys

ORDER = ["base", "measure", "codecs", "formats", "text", "scoring", "jinja", "tokenizers", "kernels", "cuda",
         "model", "calibration", "quant", "eval", "tasks", "evidence", "lint", "advice", "lab", "publish",
         "article", "fetch", "cli"]
# Folders that may include less than everything before them.
ALLOWED = {
    "base": set(),
    "measure": {"base"},
    "codecs": {"base"},
    "formats": {"base", "codecs"},
    "text": {"base"},
    "scoring": {"base", "measure", "text"},
    "jinja": {"base", "text"},
    "tokenizers": {"base", "formats", "text", "jinja"},
    "kernels": {"base", "codecs"},
    "cuda": {"base", "codecs", "kernels"},
    "model": {"base", "codecs", "formats", "text", "jinja", "tokenizers", "kernels"},
    "calibration": {"base", "measure", "codecs", "formats", "text", "kernels", "model"},
    "quant": {"base", "measure", "codecs", "formats", "kernels", "model", "calibration"},
    "eval": {"base", "measure", "text", "tokenizers", "kernels", "model"},
    "tasks": {"base", "measure", "text", "jinja", "tokenizers", "kernels", "model", "eval"},
    "evidence": {"base", "text"},
    "lint": {"base", "measure", "text", "evidence"},
    "advice": {"base", "measure", "text", "evidence"},
    "publish": {"base", "measure", "evidence", "advice"},
    "article": {"base", "measure", "text", "evidence", "publish"},
    "fetch": {"base", "formats"},
}
WARN_LINES = 500
MAX_LINES = 1000
MAX_FUNCTION_LINES = 150

INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z0-9_]+)/')


def allowed_for(folder):
    return ALLOWED.get(folder, set(ORDER[:ORDER.index(folder)])) | {folder}


def includes(text):
    """Pairs (line number, folder) of the quoted includes of a source file."""
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def long_functions(text):
    """Pairs (line number, lines) of bodies over the limit.

    In the layout that clang-format holds, a body outside a class or namespace begins with a line that
    starts in column 0 and ends in "{", and ends with a line "}".
    """
    begin = None
    for number, line in enumerate(text.splitlines(), 1):
        is_scope = line.startswith(("namespace", "class", "struct", "enum", "union", "extern"))
        if begin is None and line.endswith("{") and line[:1].strip() and not is_scope:
            begin = number
        elif begin is not None and line == "}":
            if number - begin + 1 > MAX_FUNCTION_LINES:
                yield begin, number - begin + 1
            begin = None
        elif begin is not None and line.startswith("}"):
            begin = None


def check(root):
    """Returns (errors, warnings), each a list of lines."""
    errors, warnings = [], []
    source = pathlib.Path(root) / "src"
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        if folder.name not in ORDER:
            errors.append(f"src/{folder.name}: has no place in tools/check_layers.py")
            continue
        if not (folder / "README.md").exists():
            errors.append(f"src/{folder.name}: has no README.md")
        allowed = allowed_for(folder.name)
        for path in sorted(folder.rglob("*")):
            if path.suffix not in (".h", ".cc", ".cu"):
                continue
            text = path.read_text(encoding="utf-8")
            name = path.relative_to(root)
            # A benchmark measures, whatever its folder.
            extra = {"measure"} if path.stem.endswith(("_bench", "_bench-inl")) else set()
            for number, other in includes(text):
                if other not in allowed | extra:
                    errors.append(f"{name}:{number}: {folder.name} may not include {other}")
            lines = text.count("\n")
            if lines > MAX_LINES:
                errors.append(f"{name}: {lines} lines, more than {MAX_LINES}")
            elif lines > WARN_LINES:
                warnings.append(f"{name}: {lines} lines, more than {WARN_LINES}")
            for number, length in long_functions(text):
                errors.append(f"{name}:{number}: a function of {length} lines")
    return errors, warnings


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent
    errors, warnings = check(root)
    for line in warnings:
        print(f"warning: {line}")
    for line in errors:
        print(f"error: {line}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
