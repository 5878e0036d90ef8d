//===- EmitLastAxis.cpp - Softmax and normalization ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block a row: what is summed first, then what is made of it.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Math/IR/Math.h"
#include "targets/code/KernelMath.h"
#include "targets/gpu/GridCode.h"
#include <limits>

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// One row, by all threads of a block.
class RowOfBlock {
public:
  RowOfBlock(GridCode &g, int64_t size, int64_t threads, const std::string &name, function_ref<Value(Value)> load,
             function_ref<void(Value, Value)> store)
      : b(g.b), size(size), threads(threads), name(name), load(load), store(store) {}

  Value over(float start, StringRef part, function_ref<Value(Value i)> term, function_ref<Value(Value, Value)> join) {
    Value share = b.loop(b.thread(), b.i32(int32_t(size)), threads, b.f32(start), [&](Value i, ValueRange carried) {
      return KernelBuilder::Values{join(carried[0], term(i))};
    })[0];
    return b.overBlock(share, threads, b.shared(GpuBuilder::partBytes(threads), (part + name).str()), join);
  }
  Value sum(StringRef part, function_ref<Value(Value i)> term) {
    return over(0, part, term, [&](Value p, Value q) { return b.fadd(p, q); });
  }
  void make(function_ref<Value(Value i)> value) {
    b.loop(b.thread(), b.i32(int32_t(size)), threads, [&](Value i) { store(i, value(i)); });
  }

  GpuBuilder &b;
  const int64_t size, threads;
  const std::string name;
  function_ref<Value(Value)> load;
  function_ref<void(Value, Value)> store;
};

void emitSoftmax(phiq::SoftmaxOp op, GridCode &g, RowOfBlock row) {
  GpuBuilder &b = g.b;
  Value most = row.over(-std::numeric_limits<float>::infinity(), "most", row.load,
                        [&](Value p, Value q) { return b.fmaxOrNan(p, q); });
  auto less = [&](Value i) { return b.fsub(row.load(i), most); };
  Value sum = row.sum("sum", [&](Value i) { return b.expNegative(less(i)); });
  // Where the greatest is NaN or infinite, so is all of the row; expNegative has no NaN.
  sum = b.fadd(sum, b.fsub(most, most));
  if (op.getLog()) {
    Value log = kernel_math::logarithm(b, sum);
    return row.make([&](Value i) { return b.fsub(less(i), log); });
  }
  Value factor = b.fdiv(b.f32(1), sum);
  row.make([&](Value i) { return b.fmul(b.expNegative(less(i)), factor); });
}

void emitNormalize(phiq::NormalizeOp op, GridCode &g, RowOfBlock row) {
  GpuBuilder &b = g.b;
  Value count = b.f32(float(row.size)), mean = b.fdiv(row.sum("sum", row.load), count);
  auto centered = [&](Value i) { return b.fsub(row.load(i), mean); };
  Value squares = row.sum("squares", [&](Value i) {
    Value distance = centered(i);
    return b.fmul(distance, distance);
  });
  Value variance = b.fadd(b.fdiv(squares, count), b.f32(op.getEpsilon().convertToFloat()));
  Value factor = b.fdiv(b.f32(1), math::SqrtOp::create(b, variance));
  row.make(
      [&](Value i) { return b.fma(b.fmul(centered(i), factor), g.load(op.getScale(), i), g.load(op.getBias(), i)); });
}

} // namespace

void emitLastAxisRow(Operation *op, GridCode &g, int64_t threads, const std::string &name,
                     function_ref<Value(Value)> load, function_ref<void(Value, Value)> store) {
  const RowOfBlock row(g, shapeOf(op->getOperand(0)).back(), threads, name, load, store);
  if (auto softmax = dyn_cast<phiq::SoftmaxOp>(op))
    return emitSoftmax(softmax, g, row);
  emitNormalize(cast<phiq::NormalizeOp>(op), g, row);
}

GpuGridKernel lastAxisKernel(Operation *op) {
  Value x = op->getOperand(0);
  const int64_t size = shapeOf(x).back(), elements = cast<ShapedType>(x.getType()).getNumElements();
  GpuGridKernel kernel{elements / size, rowThreads(size), {}};
  kernel.emit = [=, threads = kernel.threads](GridCode &g) {
    Value first = g.b.mul(g.b.blockColumn(), size);
    emitLastAxisRow(
        op, g, threads, "", [&](Value i) { return g.load(x, g.b.add(first, i)); },
        [&](Value i, Value value) { g.finish(op->getResult(0), value, g.b.add(first, i)); });
  };
  return kernel;
}

} // namespace phic::gpu_code
