# Every target prepares what it needs (scripts/setup.py, in .deps) and is quick where that is done.
# Paths are relative or quoted, so that the checkout may lie in a folder with spaces.

# The defaults of `make train`; ARGS comes after them, and the last of an option counts.
RUN ?= runs/$(shell date +%Y-%m-%d_%H-%M-%S)
TRAIN_ARGS ?= --data fashion-mnist --model small --norm batch-renorm --batch-size 32 --learning-rate 0.1 \
    $(if $(findstring --optimizer,$(ARGS)),,--nesterov) --label-smoothing 0.05 --run "$(RUN)"
# What of `renorm compare --paper` ends within three minutes.
DEMO_ARGS ?= --norm "BN: batch" --norm "GN: group:8" --norm "BRN: batch-renorm" --setting "32, independent: shuffled" \
    --setting "groups of 4: shuffled examples=4" --setting "one label × 8: label-blocks:1x8 examples=8" --seeds 1 \
    --steps 800 --run "runs/demo"
ARGS ?=
SETS ?=
FILTER ?=
WARNINGS ?= errors
SWIFT_FLAGS ?=

PYTHON ?= python3
SETUP = $(PYTHON) scripts/setup.py
SWIFT ?= swift
BUILD = --configuration release $(SWIFT_FLAGS)
PROGRAMS = "$$($(SWIFT) build $(BUILD) --show-bin-path)"
SWIFT_SOURCES = $(wildcard Package.swift Sources Tests Examples Benchmarks)
# The tests come as one program, and run the examples, probes and a part of the fuzzing. --build-tests would also build, for a minute, the tools of the
# packages that we depend on.
TESTED = $(filter-out YourOwn networks,$(notdir $(patsubst %/,%,$(wildcard Examples/*/)))) AllocationProbe Fuzz MemoryProbe RenormPackageTests
# A package that depends on this one: built by itself, as a user builds it.
YOUR_OWN = --package-path Examples/YourOwn --scratch-path .build/your-own
# What `make bench` starts.
MEASURING = StepServer Loading Passes
DOCS = .build/docs

# Package.swift reads it.
export RENORM_WARNINGS := $(WARNINGS)
# Where setup.py describes libraries that lie inside the checkout.
export PKG_CONFIG_PATH := $(CURDIR)/.deps/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))
# No __pycache__ among the sources.
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help train demo datasets weights test test-all fuzz sanitize bench build lint format docs clean prerequisites check-scripts setup data

help:
	@echo 'Needed beforehand: Swift 6.1 or newer; Python 3.8 or newer with pip. On Debian and Ubuntu make fetches'
	@echo 'the rest, as root or not. Elsewhere install the headers of zlib, libpng, libjpeg-turbo and libwebp first (Fedora:'
	@echo 'dnf install zlib-devel libpng-devel libjpeg-turbo-devel libwebp-devel), and except on Linux on x86-64 also'
	@echo 'oneDNN >= 3.0 (macOS: brew install onednn libpng jpeg-turbo webp).'
	@echo
	@echo '  make train    train on Fashion-MNIST and print the accuracy on its test images'
	@echo '                ARGS="--epochs 1 --norm batch"  options after the defaults (see: renorm train --help)'
	@echo '                RUN=runs/first                  the folder of the run; a new one by date otherwise'
	@echo '  make demo     batch normalization, group normalization and batch renormalization in three settings, in minutes'
	@echo '                ARGS="--seeds 3 --run runs/more"  see: renorm compare --help'
	@echo '  make test     lint, build, and run the tests in release; FILTER=Convolution runs matching ones'
	@echo '  make test-all the same with every repetition: more seeds and sizes on the slow reference engine'
	@echo '  make fuzz     damage files of every kind in 20,000 ways and read them: minutes; a short run is one of the tests'
	@echo '                ARGS="--reader png --case 7"    see: make fuzz ARGS=--help'
	@echo '  make sanitize run the kernels by themselves under the address and undefined sanitizers'
	@echo '  make bench    time it beside PyTorch, TensorFlow, JAX, ONNX Runtime, OpenVINO (in .deps/bench)'
	@echo '                ARGS="--list"                   its options: see Benchmarks/bench.py --help'
	@echo '  make datasets fetch sets of pictures (500 MB) and say what they are; SETS="photos mnist" fetches these'
	@echo '                SETS=--list               says which there are'
	@echo '  make weights  fetch pretrained networks (210 MB) and say what they are; SETS=mobilenetv2 fetches this one'
	@echo '  make build    build .build/release/renorm'
	@echo '  make lint     check layout and style; make format settles the layout'
	@echo '  make docs     write the documentation into $(DOCS)'
	@echo '  make clean    delete what was built (.build); what was downloaded stays in .deps'
	@echo
	@echo 'ONEDNN_ROOT=DIR       use the oneDNN in DIR/lib;  RENORM_DATA=DIR  look for DIR/fashion-mnist first'
	@echo 'WARNINGS=allowed      do not stop at warnings, for a compiler newer than this source'

train: build data
	@exec $(PROGRAMS)/renorm train $(TRAIN_ARGS) $(ARGS)

demo: build data
	@exec $(PROGRAMS)/renorm compare $(DEMO_ARGS) $(ARGS)

build: setup
	@$(SWIFT) build $(BUILD) --product renorm
	@$(SETUP) place $(PROGRAMS)

# Without the network the tests of pretrained networks are left out.
test-all: export RENORM_TESTS = all
test-all: prerequisites
	-@$(SETUP) weights
	@$(MAKE) --no-print-directory test

test: lint check-scripts build data
	@set -e; for product in $(TESTED); do $(SWIFT) build $(BUILD) --product $$product; done
	@$(SWIFT) build $(YOUR_OWN)
	@$(SWIFT) test $(BUILD) --skip-build --disable-xctest $(if $(FILTER),--filter "$(FILTER)") $(ARGS)

fuzz: build
	@$(SWIFT) build $(BUILD) --product Fuzz
	@exec $(PROGRAMS)/Fuzz $(ARGS)

# The kernels by themselves, which are compiled once for all programs of Tests/KernelProbe: minutes.
SANITIZED = clang -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -Wno-psabi -pthread \
    -I ../../Sources/RenormKernels/include

sanitize:
	@mkdir -p .build/sanitized
	@cd .build/sanitized && $(SANITIZED) -c ../../Sources/RenormKernels/*.c ../../Sources/RenormKernels/Loops/*.c
	@cd .build/sanitized && set -e; for probe in ../../Tests/KernelProbe/*.c; do \
	    $(SANITIZED) $$(command -v ld.lld > /dev/null && echo -fuse-ld=lld) $$probe *.o -o probe -lm; ./probe; done

bench: setup data
	@set -e; for product in $(MEASURING); do $(SWIFT) build $(BUILD) --product $$product; done
	@$(PYTHON) Benchmarks/bench.py --programs $(PROGRAMS) $(ARGS)

lint: prerequisites
	@$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

format: prerequisites
	@$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

docs: setup
	@$(PYTHON) scripts/docs.py $(DOCS) $(SWIFT) package $(BUILD)

clean:
	@rm -rf .build

check-scripts: prerequisites
	@$(PYTHON) -m unittest discover --quiet --start-directory scripts/tests --top-level-directory scripts
	@$(PYTHON) -m unittest discover --quiet --start-directory Benchmarks/tests --top-level-directory Benchmarks

setup: prerequisites
	@$(SETUP) build

datasets: prerequisites
	@$(SETUP) datasets $(SETS)

weights: prerequisites
	@$(SETUP) weights $(SETS)

data: prerequisites
	@$(SETUP) data

prerequisites:
	@command -v $(PYTHON) > /dev/null && \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 8))' || { \
	    echo 'There is no Python 3.8 or newer on the PATH. Install it, with pip' \
	         '(Debian and Ubuntu: apt-get install python3 python3-pip), and run make again.' >&2; exit 1; }
	@command -v $(SWIFT) > /dev/null || { \
	    echo 'There is no swift on the PATH. Install Swift 6.1 or newer from swift.org and run make again.' >&2; \
	    exit 1; }
