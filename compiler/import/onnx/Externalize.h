//===- Externalize.h - Turns embedded data into byte ranges ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights may be embedded in the .onnx itself: as initializers, in Constant nodes,
// in branches of an If. phic must not copy them, and protobuf does not tell where in
// the file they were. So before parsing, the wire format is walked once and every
// tensor's raw bytes become external data of the .onnx file itself:
//
//     raw_data: <12 MB>   ->   data_location: EXTERNAL, external_data: {location: "", offset: 1234, length: 12582912}
//
// An empty location cannot be mistaken: a model's own must name a file. What is left
// is a small message that protobuf parses, and one way in which tensors find data.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_EXTERNALIZE_H
#define PHIC_COMPILER_IMPORT_ONNX_EXTERNALIZE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace phic::onnx {

/// Deepest nesting of messages that is read; protobuf's own limit.
inline constexpr unsigned kMaxMessageDepth = 100;

/// The serialized ModelProto `model` without tensor data. `maxBytes` bounds the
/// result: a graph is small once its weights are gone.
llvm::Expected<std::string> externalize(llvm::ArrayRef<uint8_t> model, size_t maxBytes = size_t(256) << 20);

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_EXTERNALIZE_H
