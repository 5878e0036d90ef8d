//===- GraphInputs.cpp - Numbers to run a graph on -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/GraphInputs.h"
#include "compiler/files/Console.h"
#include "compiler/files/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
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

Error GraphInputs::add(const plan::Binding &binding, int64_t runs) {
  const std::string path = folder + "/" + std::to_string(binding.slot) + ".npy";
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return createStringError("cannot write " + path + ": " + code.message());
  SmallVector<int64_t> shape{runs};
  llvm::append_range(shape, binding.type.getShape());
  const mlir::Type element = binding.type.getElementType();
  const bool isFloat = element.isF32();
  os << npyHeader(isFloat ? "<f4" : cast<mlir::IntegerType>(element).isUnsigned() ? "|u1" : "|i1", shape);
  std::mt19937 random(binding.slot + 1);
  for (int64_t i = 0; i < runs * binding.type.getNumElements(); ++i) {
    // Multiples of 2^-20 in [-2, 2): the same on every machine.
    float value = float(int32_t(random() >> 10) - (1 << 21)) * 0x1p-20f;
    if (isFloat)
      os.write(reinterpret_cast<const char *>(&value), sizeof(value));
    else
      os << char(random() & 0xff);
  }
  os.close();
  words.insert(words.end(), {"--in", printableName(binding.name) + "=" + path});
  return os.has_error() ? createStringError("cannot write " + path + ": " + os.error().message()) : Error::success();
}

} // namespace phic
