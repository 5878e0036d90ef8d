//===- ProgramFile.h - Reads what phic linked -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the manifest, the model struct, the tables and the weights in a program,
// a library or an object, for `phic inspect` and `phic verify`. The file is untrusted:
// every offset is checked, and a foreign or damaged file is refused with a
// sentence that says what is wrong.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_PROGRAMFILE_H
#define PHIC_COMPILER_LINK_PROGRAMFILE_H

#include "compiler/link/FileSections.h"
#include "phi/format.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace phic {

class ProgramFile {
public:
  using Kind = FileSections::Kind;

  /// Maps and checks a file. The weights' hash is not compared: verifyWeights() does.
  static llvm::Expected<ProgramFile> open(llvm::StringRef path);

  Kind kind() const { return fileKind; }
  ObjectFormat format() const { return fileFormat; }
  /// False: the weights are in a file of their own, which openSidecar() reads.
  bool embedsWeights() const { return hasWeights; }
  /// Maps and checks that file.
  llvm::Error openSidecar(llvm::StringRef path);

  llvm::StringRef manifest() const { return manifestText; }
  /// The packed weights: what `plan.packed` offsets count from.
  llvm::ArrayRef<uint8_t> weights() const { return weightBytes; }
  /// A copy of `phi_the_model`; its pointers are the program's addresses, or what its loader makes such.
  const phi_model &model() const { return modelStruct; }
  /// Tokenizer and chat template tables.
  uint64_t tokenizerBytes() const { return tokenizerSize; }
  /// Machine code (`.text`).
  uint64_t textBytes() const { return textSize; }
  /// The file without weights, tables and manifest: code, constants, headers, padding.
  uint64_t codeBytes() const { return codeSize; }
  uint64_t fileBytes() const { return file->getBufferSize(); }

  /// Reads the whole weight segment and compares its hash.
  llvm::Error verifyWeights() const;

private:
  ProgramFile() = default;
  llvm::Error read();
  llvm::Error readWeights(llvm::StringRef bytes, uint64_t offset, uint64_t size);

  std::unique_ptr<llvm::MemoryBuffer> file, sidecar;
  Kind fileKind = Kind::Program;
  ObjectFormat fileFormat = ObjectFormat::Elf;
  bool hasWeights = false;
  llvm::StringRef manifestText;
  llvm::ArrayRef<uint8_t> weightBytes;
  phi_model modelStruct = {};
  uint64_t tokenizerSize = 0, textSize = 0, codeSize = 0;
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_PROGRAMFILE_H
