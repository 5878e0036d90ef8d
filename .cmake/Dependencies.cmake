# What phic is built with. README says why each is there; .ci/install-deps installs them.
set(PHIC_LLVM_ROOT /usr/lib/llvm-22 CACHE PATH "LLVM 22 installation")
set(PHIC_VENV ${PROJECT_SOURCE_DIR}/build/venv CACHE PATH "Python environment that holds Halide and onnx-ml.proto")

find_package(MLIR REQUIRED CONFIG PATHS ${PHIC_LLVM_ROOT}/lib/cmake/mlir NO_DEFAULT_PATH)
find_package(LLD REQUIRED CONFIG PATHS ${PHIC_LLVM_ROOT}/lib/cmake/lld NO_DEFAULT_PATH)
find_package(Protobuf REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-uc)
find_program(PHIC_TARGET_CLANG NAMES clang++-22 REQUIRED
             DOC "compiles the runtime that goes into model binaries")

# Halide's own config wants CMake 3.28; its exported targets do not.
file(GLOB PHIC_SITE_PACKAGES ${PHIC_VENV}/lib/python3*/site-packages)
if(NOT EXISTS ${PHIC_SITE_PACKAGES}/halide)
  message(FATAL_ERROR "no Halide in ${PHIC_VENV}: run .ci/install-deps, or set PHIC_VENV")
endif()
set(PHIC_HALIDE_CMAKE ${PHIC_SITE_PACKAGES}/halide/lib64/cmake)
include(${PHIC_HALIDE_CMAKE}/HalideHelpers/Halide-Interfaces.cmake)
include(${PHIC_HALIDE_CMAKE}/Halide/Halide-shared-targets.cmake)
set(PHIC_ONNX_PROTO ${PHIC_VENV}/proto/onnx-ml.proto)

include(${LLVM_DIR}/TableGen.cmake)
include(${LLVM_DIR}/AddLLVM.cmake)
include(${MLIR_DIR}/AddMLIR.cmake)
separate_arguments(PHIC_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")
