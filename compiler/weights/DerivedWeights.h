//===- DerivedWeights.h - Weights made once, and kept ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A `#phiq.conversion` is carried out whenever a weight is read. Here it is carried out
// once, and its result becomes a file of phic's own: its name is the hash of what it was
// made of and how, handles name it like any file, and everything that reads weights reads
// it. In a folder that keeps (the compile cache's) later compilations find it. Without one
// it has no name in any folder, and is gone with the process however that ends.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_DERIVEDWEIGHTS_H
#define PHIC_COMPILER_WEIGHTS_DERIVEDWEIGHTS_H

#include "compiler/files/OutputFiles.h"
#include "compiler/weights/DerivedFile.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace phic {

class DerivedWeights {
public:
  struct Places {
    std::string kept;    ///< folder for files that stay; empty: none does
    std::string scratch; ///< folder on whose file system the others lie, without a name
  };
  /// `warn` is told of kept files that are damaged: they are made anew.
  DerivedWeights(WeightStore &store, Places places, std::function<void(const llvm::Twine &)> warn)
      : store(store), places(std::move(places)), warn(std::move(warn)) {}

  /// Makes what each conversion of the module asks for, or finds it; such weights are `derived` then, with `phiq.error`. The
  /// store has the module's files, before and afterwards.
  llvm::Error derive(mlir::ModuleOp module);
  /// Gives the store the derived files that a module names. One that is not kept is made again, by its recipe.
  llvm::Error provide(mlir::ModuleOp module);

  unsigned made() const { return madeCount; }

private:
  struct File {
    std::string name; ///< in `phiq.files`
    uint32_t index;
    DerivedHeader header;
  };
  llvm::Expected<File> obtain(phiq::WeightOp recipe);
  std::optional<File> find(const std::string &name, const std::string &path);
  llvm::Expected<File> make(phiq::WeightOp recipe, const std::string &name, const std::string &key);
  llvm::Expected<DerivedHeader> check(uint32_t index);

  WeightStore &store;
  InputFiles noInputs;
  OutputFiles written{noInputs, {}}; ///< named by hashes, in folders of phic's own
  Places places;
  std::function<void(const llvm::Twine &)> warn;
  unsigned madeCount = 0;
};

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_DERIVEDWEIGHTS_H
