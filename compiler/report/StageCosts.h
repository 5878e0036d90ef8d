//===- StageCosts.h - What each stage moves and multiplies -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counted from a planned module (after `layout`), not from code: the bytes that a
// stage cannot avoid to read or write once a step, and its multiply-adds. What
// `phic check` predicts from and `phic bench` compares with.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REPORT_STAGECOSTS_H
#define PHIC_COMPILER_REPORT_STAGECOSTS_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/MachineRates.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic {

/// One call of an entry point.
struct StepShape {
  int64_t rows;       ///< tokens
  int64_t past;       ///< positions in the KV cache before them
  int64_t logitRows;  ///< rows whose logits are wanted
};

struct StageCost {
  std::string name;
  bool logitRows = false;       ///< works on the wanted rows only
  uint64_t weightBytes = 0;     ///< read whole, once a step
  uint64_t rowBytes = 0;        ///< a row: activations in and out, rows of tables, appended keys and values
  MulAdds rowMulAdds;           ///< a row
  uint64_t keyBytes = 0;        ///< attention: keys and values of one position
  double keyMulAdds = 0;        ///< attention: a row and position
  int64_t window = 0;           ///< attention: most positions seen; 0: all

  double bytes(const StepShape &step) const;
  MulAdds mulAdds(const StepShape &step) const;
  /// The least time in which a machine can do it; none where nothing is to be done.
  double leastSeconds(const MachineRates &machine, const StepShape &step) const {
    return rowsOf(step) == 0 ? 0 : machine.seconds(bytes(step), mulAdds(step));
  }

private:
  int64_t rowsOf(const StepShape &step) const { return logitRows ? step.logitRows : step.rows; }
};

/// In the order of the entry points.
std::vector<StageCost> stageCosts(mlir::ModuleOp planned);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_STAGECOSTS_H
