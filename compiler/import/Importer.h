//===- Importer.h - What every importer is asked ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An importer knows one kind of checkpoint: which paths are of its kind, what their
// files hold, their tokenizer, and the graph they stand for. phic's own are the rows
// of Importers.def; plugins add theirs with PluginRegistry::addImporter. Nobody else
// asks what kind a model is of.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_IMPORTER_H
#define PHIC_COMPILER_IMPORT_IMPORTER_H

#include "compiler/import/InputSettings.h"
#include "compiler/import/ModelPath.h"
#include "compiler/import/SourceFacts.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "phi/format.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <string>
#include <vector>

namespace phic {

class InputFiles;
class WeightStore;

struct ImportOptions {
  /// Most positions a program will ever use: rope tables and `context_max` stop there.
  int64_t maxContext = PHI_CONTEXT_DEFAULT;
  /// Of a graph that is no decoder.
  InputSettings graphInputs = {};
  /// Told of every file that is read.
  InputFiles *inputs = nullptr;
  /// Told how many of the weights' bytes have been hashed, now and then; may be empty.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
  /// Maps the files and makes the handles: the compilation's, which then knows the hashes of all bytes it has made a handle
  /// of. Null: the importer's own.
  WeightStore *weights = nullptr;
};

/// How sure an importer is that a path is a model of its kind. The surest one gets it, of equals the first.
enum class Claim {
  None,
  Name, ///< the name says so; whatever is inside, this importer knows best what is wrong with it
  Content, ///< the bytes say so
};

struct Recognition {
  Claim claim = Claim::None;
  std::string file = ""; ///< of a model in several, the one that leads to the others
  std::string refusal = ""; ///< why it is no model all the same, a sentence that names the path
  bool namesSeveral = false; ///< refused because the user has to name one of those that it holds
};

class Importer {
public:
  virtual ~Importer() = default;

  /// What it accepts, for the sentence about a path that nobody claims.
  struct Accepts {
    llvm::StringRef folder; ///< as what a folder has to hold: "a model.onnx"
    llvm::StringRef file; ///< as what a file has to be: "an .onnx file"
  };
  virtual Accepts accepts() const = 0;

  /// `path` exists; it is a folder or a file that can be read. Reads no more than it needs to tell.
  virtual Recognition recognizes(const std::string &path, bool isFolder) const = 0;

  /// A verified module in the form that docs/architecture.md describes, its weights ranges of the files that `phiq.files`
  /// names relative to the model's folder. Null after diagnostics on the context, everything unsupported at once.
  virtual mlir::OwningOpRef<mlir::ModuleOp> read(mlir::MLIRContext &context, const ModelPath &model,
                                                 const ImportOptions &options) const = 0;

  /// What the files hold, known of models that cannot be imported too.
  virtual llvm::Expected<SourceFacts> facts(const ModelPath &model) const = 0;

  /// The tokenizer; of a model without one, empty tables and a warning that says what the program cannot do then.
  /// `inputs`, where given, is told of every file that is read or looked for.
  virtual llvm::Expected<CompiledTokenizer> tokenizer(const ModelPath &model, InputFiles *inputs) const = 0;
};

/// The rows of Importers.def, in their order.
llvm::ArrayRef<const Importer *> allImporters();

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_IMPORTER_H
