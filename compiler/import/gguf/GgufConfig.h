//===- GgufConfig.h - What a GGUF file's metadata says ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of a decoder (`llama.block_count`, ...) checked for plausibility,
// so that the decoder builder can trust them.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFCONFIG_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFCONFIG_H

#include "compiler/import/decoder/DecoderConfig.h"
#include "compiler/import/gguf/GgufReader.h"

namespace phic::gguf {

/// `tensors` is how many the model has, in all its files. Appends to `reasons` why the model cannot be imported, to `warnings` what has no effect.
decoder::DecoderConfig readConfig(const GgufFile &file, uint64_t tensors, std::vector<std::string> &reasons,
                                  std::vector<std::string> &warnings);

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFCONFIG_H
