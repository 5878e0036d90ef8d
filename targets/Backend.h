//===- Backend.h - What a family of machines brings ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One interface for every family of machines that phic makes code for; the rows of
// Backends.def are all of them. The phases up to `fuse` are the same for all and ask
// only what a family can hold and compute; from `layout` on a backend decides.
//
// A backend's folder holds everything that is known of its machines; nobody else
// includes what is in it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_BACKEND_H
#define PHIC_TARGETS_BACKEND_H

#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"
#include "targets/MachineRates.h"
#include "targets/Target.h"
#include "targets/Tiles.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
}

namespace phic {

/// What the remark about a generic or scalar kernel says; `--Werror=fallback` looks for it.
inline constexpr llvm::StringLiteral kFallsBack = "falls back to";

using phiq::ComputeMode;

/// How stages read a weight.
struct WeightUse {
  enum class Kind : uint8_t {
    Vector, ///< whole, beside every row: a norm's gain
    Table,  ///< by the row, which its position chooses: rotary tables
    Matrix, ///< [N, K]: what a matmul sums over K, and what an embedding reads by the row; a kernel's K has several axes
  };
  Kind kind;
  mlir::ShapedType type;
  /// K of a matrix.
  int64_t columns() const { return mlir::ShapedType::getNumElements(type.getShape().drop_front()); }
};

/// An op that there is no kernel for, and why.
struct LackingKernel {
  mlir::Operation *op;
  std::string reason;
};

/// How rows of activations lie in a buffer.
struct RowLayout {
  int64_t rowBytes; ///< from one row to the next
  /// Of quantized rows, whose codes come first, a byte each: where the f32 scales of the blocks begin, and the f32
  /// products of scale and sum of codes.
  int64_t scalesOffset = 0, sumsOffset = 0;
};

/// What a user may ask of a level's kernels.
struct KernelOptions {
  const TileTable *tiles = nullptr; ///< sizes that the family leaves open; null: the level's own
};

/// The code of a model for one level.
struct LevelCode {
  /// An object file, to be linked into the program, with the symbols of its entry points. Empty: it has none.
  llvm::SmallVector<char, 0> object;
  std::vector<std::string> entries;
  /// The family's own kind of code, which the program holds as data for its device. Empty: it has none.
  llvm::SmallVector<char, 0> blob;
};

/// Code that a plugin was to make: not phic's fault.
class PluginCodeError : public llvm::ErrorInfo<PluginCodeError, llvm::StringError> {
public:
  static char ID;
  explicit PluginCodeError(const llvm::Twine &message) : ErrorInfo(message, llvm::inconvertibleErrorCode()) {}
};

class Backend {
public:
  virtual ~Backend() = default;

  /// Its row of Backends.def.
  virtual llvm::StringRef family() const = 0;
  /// What there is code for; of levels that one machine runs, the better one comes later.
  virtual std::vector<const Target *> levels() const = 0;
  /// Of those, what a program has where its user names no more than the family, best first.
  virtual std::vector<const Target *> defaultLevels() const { return {levels().front()}; }
  /// Further words for them.
  virtual llvm::ArrayRef<LevelName> levelNames() const { return {}; }
  /// Whether the system has machines of that level, and its runtime their device.
  virtual bool runsOn(const Target &level, const System &system) const = 0;
  /// Whether this machine runs code of that level.
  virtual bool runsHere(const Target &level) const = 0;
  /// Whether its device looks for libraries of the system's (dlopen): a program for Linux then starts the system's loader.
  virtual bool wantsLoader() const { return false; }
  virtual void registerDialects(mlir::DialectRegistry &registry) const = 0;
  /// Makes its passes known by name.
  virtual void registerPasses() const = 0;

  // What it can hold and compute: the same for all of its levels, so that these share one plan and one packed copy.

  /// The layout for a use of a weight; null, with a reason, where there is none.
  virtual plan::WeightLayout weightLayout(const WeightUse &use, std::string *why) const = 0;
  virtual plan::CacheLayoutAttr cacheLayout(phiq::CacheOp cache) const = 0;
  /// What it has no kernel for in a stage that is well formed: asked in `fuse`, where that is still the model's fault.
  virtual std::optional<LackingKernel> lacks(plan::StageOp) const { return std::nullopt; }
  virtual RowLayout rowLayout(mlir::ShapedType rows) const = 0;
  virtual llvm::ArrayRef<ComputeMode> modes() const = 0;
  /// Rows of a prefill step where nobody asks, and what such a number must be a multiple of.
  virtual int64_t chunkRows() const = 0;
  virtual int64_t chunkStep() const = 0;

  // How fast, and what may be tuned.

  /// What this machine can do, measured with loops of the level's own instructions, in a fraction of a second. The
  /// bandwidth is that of reading `workingSet` bytes again and again (between 1 and 256 MiB of them), so that a small
  /// model is compared with the cache it fits into. Empty where this machine cannot run them, or there are none.
  virtual std::optional<MachineRates> measure(const Target &level, int threads, uint64_t workingSet) const {
    return std::nullopt;
  }
  /// What a known machine of that level can do, or of the best level below of which one is known.
  virtual MachineRates referenceMachine(const Target &level) const = 0;
  virtual std::vector<KnownMachine> machines() const { return {}; }
  /// Of a module that has been through `kernels`: memory of a session on the device beside what the plan has.
  virtual uint64_t workspaceBytes(mlir::ModuleOp module) const { return 0; }
  /// Sizes that its kernels leave open; without any, the tables of its levels are empty.
  virtual llvm::ArrayRef<TileSize> tileSizes() const { return {}; }
  virtual TileTable tilesOf(const Target &level) const { return {}; }
  /// What to try beside a level's own.
  virtual std::vector<TileAxis> tileAxes(const Target &level) const { return {}; }

  // Its code, a module for each level.

  /// The passes of the phases `kernels` and `target`.
  virtual void addKernelPasses(mlir::OpPassManager &passes, const Target &level,
                               const KernelOptions &options) const = 0;
  virtual void addTargetPasses(mlir::OpPassManager &passes, const Target &level) const = 0;
  /// The code of a module that has been through them, for a program of that system. Its bytes depend on nothing else
  /// (reproducible).
  virtual llvm::Expected<LevelCode> emitCode(mlir::ModuleOp module, const Target &level,
                                             const System &system) const = 0;
  /// Who made a kernel of such a module, for people: "mlir", "halide", a plugin's row.
  virtual std::string generatorOf(mlir::ModuleOp module, llvm::StringRef kernel) const = 0;
};

/// Every backend, in the order of Backends.def.
llvm::ArrayRef<const Backend *> allBackends();
/// The first: the CPU's, which every program has code for.
inline const Backend &hostBackend() { return *allBackends().front(); }
/// Those that layouts of all of them are in: passes that ask for layouts depend on them.
void registerBackendDialects(mlir::DialectRegistry &registry);
/// The row of that name, or nullptr.
const Backend *backendByName(llvm::StringRef family);
/// Whose levels a target is one of.
const Backend &backendOf(const Target &target);
/// Whose layout a module has; the first where it does not say, as for single passes.
const Backend &backendOf(mlir::ModuleOp module);
/// The level of that name, or nullptr.
const Target *levelByName(const Backend &backend, llvm::StringRef name);
/// Those of its family, in their order.
llvm::SmallVector<const Target *> levelsOf(const Backend &backend, llvm::ArrayRef<const Target *> levels);

/// The backends of a pass's option, "cpu,...". A name without a row is an error of the module's.
mlir::FailureOr<llvm::SmallVector<const Backend *>> backendsNamed(llvm::StringRef families, mlir::ModuleOp module);

} // namespace phic

#endif // PHIC_TARGETS_BACKEND_H
