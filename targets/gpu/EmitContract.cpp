//===- EmitContract.cpp - Contractions and what follows them ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread computes a column of one row, or of four where there are enough of them, so that weights are read once for all.
// Neighbouring threads have neighbouring columns.
//===----------------------------------------------------------------------===//
#include "targets/gpu/ProductCode.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::gpu_code {

GpuGridKernel contractKernel(phiq::ContractOp op) {
  constexpr int64_t kRows = 4, kManyElements = 1 << 16;
  if (std::optional<GpuGridKernel> tiles = contractTilesKernel(op))
    return *tiles;
  const int64_t M = op.getRows(), N = op.getColumns();
  const int64_t rows = M >= kRows && op.getType().getNumElements() >= kManyElements ? kRows : 1;
  const auto groups = int64_t(llvm::divideCeil(uint64_t(M), uint64_t(rows)));
  return threadKernel(op.getBatch() * groups * N, [=](GridCode &g, Value number) mutable {
    GpuBuilder &b = g.b;
    auto [group, column] = b.divideRest(number, N);
    auto [product, inProduct] = b.divideRest(group, groups);
    SmallVector<Value> places, held;
    for (int64_t i = 0; i < rows; ++i) {
      places.push_back(b.add(b.mul(inProduct, rows), i));
      held.push_back(M % rows ? b.minimum(places.back(), b.i32(int32_t(M - 1))) : places.back());
    }
    auto sums = ProductCode(g, op).sums(product, held, column);
    for (auto [row, sum] : llvm::zip(places, sums)) {
      Value at = b.add(b.mul(b.add(b.mul(product, M), row), N), column), value = sum;
      auto finish = [&] { g.finish(op.getResult(), value, at); };
      if (M % rows)
        b.when(b.less(row, M), finish);
      else
        finish();
    }
  });
}

} // namespace phic::gpu_code
