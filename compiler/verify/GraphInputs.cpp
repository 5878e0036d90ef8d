//===- GraphInputs.cpp - Numbers to run a graph on -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/GraphInputs.h"
#include "compiler/files/Console.h"
#include "compiler/files/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <random>

using namespace llvm;

namespace phic {
Expected<GraphInputs> GraphInputs::create(ArrayRef<plan::Binding> bindings, int64_t runs) {
  SmallString<128> path;
  if (std::error_code code = sys::fs::createUniqueDirectory("phic-verify", path))
    return createStringError("cannot make a temporary folder: " + code.message());
  GraphInputs inputs(path.str().str());
  for (const plan::Binding &binding : bindings)
    if (binding.kind == plan::BindingKind::Input)
      if (Error failure = inputs.add(binding, runs))
        return std::move(failure);
  return std::move(inputs);
}

GraphInputs::~GraphInputs() {
  if (!folder.empty())
    sys::fs::remove_directories(folder);
}

namespace {

/// NumPy's name of an element's type.
StringRef descrOf(mlir::Type element) {
  if (element.isF32())
    return "<f4";
  const bool isUnsigned = cast<mlir::IntegerType>(element).isUnsigned();
  switch (element.getIntOrFloatBitWidth()) {
  case 1:
    return "|b1";
  case 32:
    return "<i4";
  case 64:
    return "<i8";
  default: // a byte each
    return isUnsigned ? "|u1" : "|i1";
  }
}

/// An element made of 32 random bits, the same on every machine: a multiple of 2^-20 in [-2, 2), any integer of up to 8 bits, or
/// one in [-64, 64), which may be a number of tokens. Indices are below their limit.
void writeElement(mlir::Type element, uint32_t indexLimit, uint32_t bits, raw_ostream &os) {
  const float real = float(int32_t(bits >> 10) - (1 << 21)) * 0x1p-20f;
  if (element.isF32()) {
    os.write(reinterpret_cast<const char *>(&real), sizeof(real));
    return;
  }
  const unsigned width = element.getIntOrFloatBitWidth(), wanted = std::min(width, width > 8 ? 7u : 8u);
  const bool isUnsigned = width == 1 || cast<mlir::IntegerType>(element).isUnsigned();
  const uint64_t low = bits & maskTrailingOnes<uint32_t>(wanted);
  const int64_t value = indexLimit ? int64_t(bits % indexLimit) : isUnsigned ? int64_t(low) : SignExtend64(low, wanted);
  os.write(reinterpret_cast<const char *>(&value), std::max(width, 8u) / 8);
}

} // namespace

Error GraphInputs::add(const plan::Binding &binding, int64_t runs) {
  const std::string path = folder + "/" + std::to_string(binding.slot) + ".npy";
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return createStringError("cannot write " + path + ": " + code.message());
  SmallVector<int64_t> shape{runs};
  llvm::append_range(shape, binding.type.getShape());
  const mlir::Type element = binding.type.getElementType();
  os << npyHeader(descrOf(element), shape);
  std::mt19937 random(binding.slot + 1);
  for (int64_t i = 0; i < runs * binding.type.getNumElements(); ++i)
    writeElement(element, binding.indexLimit, uint32_t(random()), os);
  os.close();
  words.insert(words.end(), {"--in", printableName(binding.name) + "=" + path});
  return os.has_error() ? createStringError("cannot write " + path + ": " + os.error().message()) : Error::success();
}

} // namespace phic
