#!/usr/bin/env python3
"""Writes src/codecs/testdata/gguf-*.bin: random blocks of each GGUF type and what ggml decodes them to.

Needs the shared library libggml-base of llama.cpp (for example from the llama-cpp-python package):
    tools/make_gguf_fixtures.py path/to/libggml-base.so
Each file: BLOCKS blocks as they stand in a GGUF file, then their weights as little-endian float32.
With the `gguf` Python package present, its own decoder must agree on the types it knows.
"""
import argparse
import ctypes
import math
import pathlib
import random
import struct

BLOCKS = 4
# name: (weights of a block, bytes of a block)
TYPES = {
    "q4_0": (32, 18), "q4_1": (32, 20), "q5_0": (32, 22), "q5_1": (32, 24), "q8_0": (32, 34),
    "q1_0": (128, 18), "q2_0": (64, 18), "mxfp4": (32, 17),
    "q2_K": (256, 84), "q3_K": (256, 110), "q4_K": (256, 144), "q5_K": (256, 176),
    "q6_K": (256, 210), "tq1_0": (256, 54), "tq2_0": (256, 66),
}


def decode(library, name, weights, block):
    out = (ctypes.c_float * weights)()
    function = getattr(library, f"dequantize_row_{name}")
    function.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_float), ctypes.c_int64]
    function.restype = None
    function(block, out, weights)
    return list(out)


def random_block(library, name, weights, size, rng):
    """Random bytes, drawn again until every weight is finite: all codes and many scales occur."""
    while True:
        block = rng.randbytes(size)
        values = decode(library, name, weights, block)
        if all(map(math.isfinite, values)):
            return block, values


def check_with_gguf_package(name, blocks, values):
    try:
        import gguf
        import numpy
    except ImportError:
        return "not installed"
    kind = getattr(gguf.GGMLQuantizationType, name.upper(), None)
    if kind is None:
        return "type unknown"
    try:
        mine = gguf.quants.dequantize(numpy.frombuffer(blocks, numpy.uint8), kind)
    except NotImplementedError:
        return "not implemented"
    worst = numpy.abs(mine.ravel() - numpy.array(values, numpy.float32)).max()
    return f"largest difference {worst}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", help="libggml-base.so")
    arguments = parser.parse_args()
    library = ctypes.CDLL(arguments.library)
    folder = pathlib.Path(__file__).resolve().parent.parent / "src/codecs/testdata"
    folder.mkdir(exist_ok=True)
    for name, (weights, size) in TYPES.items():
        rng = random.Random(name)
        blocks = b""
        values = []
        for _ in range(BLOCKS):
            block, decoded = random_block(library, name, weights, size, rng)
            blocks += block
            values += decoded
        (folder / f"gguf-{name}.bin").write_bytes(blocks + struct.pack(f"<{len(values)}f", *values))
        print(f"{name:6} {len(values)} weights; gguf package: "
              f"{check_with_gguf_package(name, blocks, values)}")


if __name__ == "__main__":
    main()
