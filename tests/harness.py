"""Running the program and making small models, for the tests that cross folders."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("CRUMB_BINARY", str(ROOT / "build" / "release" / "crumb"))


def run(*arguments, stdin=None, env=None, timeout=300, cwd=None):
    """Runs crumb; returns the finished process with text output."""
    merged = dict(os.environ, **(env or {}))
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, env=merged, cwd=cwd,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=timeout)


def run_json(*arguments, **options):
    done = run(*arguments, "--json", **options)
    if done.returncode != 0:
        raise AssertionError(f"crumb {' '.join(map(str, arguments))}: exit code {done.returncode}: "
                             f"{done.stderr}")
    return json.loads(done.stdout)


def data_file(relative):
    """A file below CRUMB_DATA, or the test skips."""
    folder = os.environ.get("CRUMB_DATA")
    path = pathlib.Path(folder or "") / relative
    if not folder or not path.exists():
        raise unittest.SkipTest(f"needs {relative} below CRUMB_DATA")
    return path


def tiny_model(name):
    """The folder of a tiny float32 model that lies beside the data, or the test skips."""
    folder = os.environ.get("CRUMB_DATA")
    path = pathlib.Path(folder or "").parent / "models" / name
    if not folder or not path.exists():
        raise unittest.SkipTest(f"needs the model {name} beside CRUMB_DATA")
    return path


def write_safetensors(path, tensors, header_patch=None):
    """tensors: name -> (dtype, shape, bytes). header_patch may change the header before writing."""
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    if header_patch:
        header_patch(header)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    body = raw[8 + size:]
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], body[t["data_offsets"][0]:t["data_offsets"][1]])
            for name, t in header.items()}


class CrumbTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        if not os.access(BINARY, os.X_OK):
            self.skipTest(f"{BINARY} is not built")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="crumb test "))  # with a space
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def copy_of(self, model):
        target = self.folder / "model"
        shutil.copytree(tiny_model(model), target)
        for path in [target, *target.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        return target

    def assert_refused(self, done, code, *words):
        """One clear line on standard error with these words, and this exit code."""
        self.assertEqual(done.returncode, code, done.stderr)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("crumb: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
