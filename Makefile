# The commands of a developer and of a first visitor. All paths are relative, so that a folder with
# spaces in its name works. The build itself is CMake: see CMakePresets.json.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DEMO_OUTPUT ?= crumb-study
FUZZ_SECONDS ?= 15
LONG_FUZZ_SECONDS ?= 300

.PHONY: help demo test check check-article build bench-quality bench-kernels bench-peers bench-lint install bench-cuda format clean

help:
	@echo "make demo     install what is missing, build, study the default model, write a report"
	@echo "make test     unit and integration tests, the same under sanitizers, short fuzzing"
	@echo "make check    make test's slower sisters: ThreadSanitizer, clang-tidy, ARM, long fuzzing"
	@echo "make check-article  the forms of an article in Chromium, UEditor, LibreOffice, python-docx"
	@echo "make build    the program only: build/release/crumb"
	@echo "make bench-quality  what quantized models keep, as a table (QUALITY=\"--full\" for all windows)"
	@echo "make bench-kernels  products of every codec beside the read bandwidth (BENCH=\"--quick\", ...)"
	@echo "make bench-peers  the same model with llama.cpp by turns (PEERS=\"--peer-python PYTHON\")"
	@echo "make bench-cuda  the same on a CUDA GPU, beside cuBLAS (CUDA_BENCH=\"--batch 1\", ...)"
	@echo "make bench-lint  damaged articles and how many crumb lint sees (LINT=\"--ledger-only\", ...)"
	@echo "make install  to PREFIX=$(PREFIX) (DESTDIR is honoured)"
	@echo "make format   clang-format over src/"
	@echo "make clean    remove build/ (fetched models stay: crumb cache clean)"

build:
	@tools/install_packages.sh demo
	@cmake --preset release -DCRUMB_TESTS=OFF --log-level=WARNING
	@cmake --build --preset release --target crumb -j $(JOBS)

demo: build
	@build/release/crumb study -o "$(DEMO_OUTPUT)"

test:
	@tools/install_packages.sh demo test
	@cmake --preset release -DCRUMB_TESTS=ON --log-level=WARNING
	@cmake --build --preset release --target crumb unit_tests -j $(JOBS)
	@cmake --preset asan --log-level=WARNING
	@cmake --build --preset asan --target unit_tests -j $(JOBS)
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz --target fuzzers -j $(JOBS)
	@python3 tools/run_tests.py unit integration asan fuzz --fuzz-seconds $(FUZZ_SECONDS)

check:
	@tools/install_packages.sh demo test bench check
	@cmake --preset release -DCRUMB_TESTS=ON -DCRUMB_BENCH=ON --log-level=WARNING
	@cmake --build --preset release --target crumb unit_tests instructions_bench -j $(JOBS)
	@cmake --preset tsan --log-level=WARNING
	@cmake --build --preset tsan --target unit_tests -j $(JOBS)
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz --target fuzzers -j $(JOBS)
	@python3 tools/run_tests.py format counts tidy tsan arm fuzz --fuzz-seconds $(LONG_FUZZ_SECONDS)

# The editor's files lie in a package of PyPI for web sites; nothing of it is run but in the browser.
check-article:
	@tools/install_packages.sh demo test article
	@cmake --preset release -DCRUMB_TESTS=ON --log-level=WARNING
	@cmake --build --preset release --target crumb crumb_article_test -j $(JOBS)
	@test -d build/article/ueditor || python3 -m pip install --quiet --no-deps --no-compile \
	  --target build/article django-ueditor==1.0.2
	@CRUMB_BINARY="$(CURDIR)/build/release/crumb" \
	  python3 -m unittest discover -v -s tests -p test_article_forms.py

bench-quality: build
	@python3 tools/bench_quality.py $(QUALITY)

bench-kernels:
	@tools/install_packages.sh demo bench
	@cmake --preset release -DCRUMB_BENCH=ON --log-level=WARNING
	@cmake --build --preset release --target matmul_bench -j $(JOBS)
	@build/release/matmul_bench $(BENCH)

bench-peers: build
	@python3 tools/bench_peers.py $(PEERS)

bench-lint: build
	@python3 tools/bench_lint.py $(LINT)

bench-cuda:
	@tools/install_packages.sh demo
	@cmake --preset release -DCRUMB_CUDA=ON --log-level=WARNING
	@cmake --build --preset release --target cuda_bench -j $(JOBS)
	@build/release/cuda_bench $(CUDA_BENCH)

install:
	@test -x build/release/crumb || { echo "build/release/crumb is missing: run make build first"; exit 1; }
	@cmake --install build/release --prefix "$(PREFIX)"

format:
	@find src -name '*.h' -print0 -o -name '*.cc' -print0 | xargs -0 clang-format -i

clean:
	@rm -rf build
