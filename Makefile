# Thin over the CMake presets: every target does its own set-up.
PRESET ?= default
BUILD := $(if $(filter dev,$(PRESET)),build-dev,build)

.PHONY: all deps configure check check-all clean
all: configure
	cmake --build $(BUILD)

deps:
	.ci/install-deps

configure: deps
	cmake --preset $(PRESET)

check: all
	cd $(BUILD) && ctest --output-on-failure -j2

clean:
	rm -rf build build-dev
