//===- MachoLibrary.h - Static libraries for macOS -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An archive of what the query function needs: the runtime's objects, the kernels', the model data's and, last, the one
// of MachoWeights.h, whose end the weights are.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_MACHOLIBRARY_H
#define PHIC_COMPILER_LINK_MACHOLIBRARY_H

#include "compiler/link/LinkedFile.h"
#include "compiler/link/MachoSymbols.h"
#include "targets/Target.h"
#include <memory>

namespace phic {

struct MachoLibraryOptions {
  const System &system;
  std::string name; ///< the query function is phi_query_<name>
  std::string manifest;
  uint64_t weightsBytes = 0;
  bool embedWeights = true;
};

class MachoLibrary final : public LinkedFile {
public:
  /// `objects` are all that could be needed.
  static llvm::Expected<std::unique_ptr<MachoLibrary>> make(OutputFile file, std::vector<MachoMember> objects,
                                                            MachoLibraryOptions options);
  llvm::Error begin() override;
  bool takesWeights() const override { return options.embedWeights; }
  llvm::Error finish(uint64_t weightsHash) override;

private:
  MachoLibrary(OutputFile file, MachoLibraryOptions options)
      : LinkedFile(std::move(file)), options(std::move(options)) {}
  llvm::Error build(std::vector<MachoMember> members);
  void resizeLastMember(int64_t by);

  MachoLibraryOptions options;
  std::string head; ///< the archive up to the weights
  uint64_t modelAt = 0; ///< the model struct
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_MACHOLIBRARY_H
