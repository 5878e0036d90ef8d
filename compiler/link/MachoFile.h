//===- MachoFile.h - Programs and libraries for macOS ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last step of a link: the file as LLD left it, with the weights in the place of their placeholder, and signed:
//
//     header | __TEXT | __DATA_CONST | __DATA | __PHI: weights, trailer | __LINKEDIT: tables, signature
//
// __LINKEDIT moves, in the file and in memory. Nothing in the file refers to it but load commands.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_MACHOFILE_H
#define PHIC_COMPILER_LINK_MACHOFILE_H

#include "compiler/link/CodeSignature.h"
#include "compiler/link/LinkedFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace phic {

struct MachoFileOptions {
  std::string identifier;     ///< of the signature
  uint64_t weightsBytes = 0;
  uint64_t pageBytes = 16384;
  bool embedWeights = true;
};

class MachoFile final : public LinkedFile {
public:
  /// `linked` is what LLD wrote, an object of MachoWeights.h in it as placeholder. An error where offsets of 32 bits do
  /// not reach behind the weights.
  static llvm::Expected<std::unique_ptr<MachoFile>> make(OutputFile file, std::unique_ptr<llvm::MemoryBuffer> linked,
                                                         MachoFileOptions options);
  llvm::Error begin() override;
  bool takesWeights() const override { return options.embedWeights; }
  llvm::Error finish(uint64_t weightsHash) override;

private:
  MachoFile(OutputFile file, std::unique_ptr<llvm::MemoryBuffer> linked, MachoFileOptions options);
  /// Calls `each` with every load command; it may change it.
  template <typename Command> void forCommands(uint32_t kind, llvm::function_ref<void(Command &)> each);
  void takeApart();
  void place();
  void moveTables(uint64_t by);
  void writeIdentity(uint64_t weightsHash);

  MachoFileOptions options;
  std::string head, tables; ///< up to the weights; what __LINKEDIT holds, without a signature
  uint64_t tablesFrom = 0; ///< where LLD had them
  uint64_t tablesAt = 0; ///< where they go
  uint64_t modelAt = 0; ///< the model struct
  SignedFile sign;
};

/// Most bytes of weights that fit into a Mach-O file or a member of a static library.
inline constexpr uint64_t kMostMachoWeights = (uint64_t(1) << 32) - (uint64_t(256) << 20);
/// Says what to do instead where there are more.
llvm::Error checkMachoWeights(uint64_t bytes);

} // namespace phic

#endif // PHIC_COMPILER_LINK_MACHOFILE_H
