# The commands of README.md; each does its own set-up first. Debian and Ubuntu, with Swift 6.2 or newer.
SHELL := /bin/bash
# Everything that touches the kernel runs as root.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# For the programs: `make trace ARGS='-r docker -c web'`.
ARGS ?=

.PHONY: all trace test test-kernels fuzz bench soak lint format setup setup-test setup-kernels clean

all: setup
	swift build -c release --static-swift-stdlib -Xlinker --strip-all --product sniscope

trace: all
	$(SUDO) .build/release/sniscope trace $(ARGS)

# The tests run the program as users have it: without optimisation it is too late for a container's first call.
test: setup-test all
	swift build --build-tests
	SNISCOPE_TEST_PROGRAM=$(CURDIR)/.build/release/sniscope Tests/run $(ARGS)

# On the kernels of Debian's releases, in virtual machines: `make test-kernels ARGS=--quick` is what .ci/run does.
test-kernels: setup-kernels all
	Tests/kernels/run $(ARGS)
	Tests/kernels/arm64

# Hostile files for every parser: `make fuzz ARGS='--seconds 60 unwind'`.
fuzz: setup-test
	Tests/fuzz $(ARGS)

bench: setup-test all
	$(SUDO) Benchmarks/run $(ARGS)

# `make soak MINUTES=5`
MINUTES ?= 60
soak: setup-test all
	$(SUDO) Benchmarks/run soak --minutes $(MINUTES)

lint:
	swift format lint --strict --recursive --parallel Package.swift Plugins Sources Tests
	clang-format --dry-run --Werror bpf/*.c bpf/*.h bpf/abi/*.h Sources/CShims/*.c Sources/CShims/include/*.h \
		Sources/CBPFShims/*.c Sources/CBPFShims/include/*.h symbols/example/*.[ch] \
		Tests/kernels/*.c Tests/kernels/clients/*.c Tests/Fuzz/driver/*.c Tests/Fuzz/driver/include/*.h Tests/Fuzz/samples/*.c

format:
	swift format --in-place --recursive --parallel Package.swift Plugins Sources Tests

setup:
	packaging/install-packages packaging/build.packages

setup-test:
	packaging/install-packages packaging/build.packages packaging/test.packages
	Tests/fetch
	swift build -c release --package-path Tests/clients/nio-client --scratch-path .build/nio-client

setup-kernels:
	packaging/install-packages packaging/build.packages packaging/test.packages packaging/kernels.packages

clean:
	swift package clean
