//===- EmitRowChain.cpp - Rows that go through several ops -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block takes a row of the first contraction all the way (RowChain.h). It lies in the block's own memory, an element in
// four bytes, of which each thread has every so many: only sums over the row, and the last contraction, read what others
// have made.
//===----------------------------------------------------------------------===//
#include "targets/gpu/ProductCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

class RowChainCode {
public:
  RowChainCode(GridCode &g, const RowChain &chain, int64_t threads)
      : g(g), b(g.b), chain(chain), threads(threads), M(phiq::ContractOp(chain.first).getRows()),
        N(phiq::ContractOp(chain.first).getColumns()), words(b.shared(4 * N, "row")) {}

  void emit() {
    row = b.blockColumn();
    std::tie(product, inProduct) = b.divideRest(row, M);
    begin();
    for (size_t i = 1; i < chain.steps.size(); ++i)
      continueWith(chain.steps[i], std::to_string(i));
    g.waitForAll();
    end();
  }

private:
  Value at(Value i) { return b.offset(words, b.mul(i, 4)); }
  Value load(Type element, Value i) { return b.load(element.isF32() ? element : b.getI32Type(), at(i)); }
  void overRow(int64_t columns, function_ref<void(Value)> body) {
    b.loop(b.thread(), b.i32(int32_t(columns)), threads, body);
  }

  /// The maps of a step on element i of its rows.
  Value mapped(const RowChain::Step &step, Value held, Value i) {
    if (step.maps.empty())
      return held;
    return g.compute(step.maps, step.rows, held, b.add(b.mul(row, N), i))[phiq::MapOp(step.maps.back()).getResult()];
  }

  void begin() {
    ProductCode code(g, chain.first);
    overRow(N, [&](Value i) { b.store(mapped(chain.steps.front(), code.sums(product, {inProduct}, i)[0], i), at(i)); });
  }

  /// Softmax or normalize, which an earlier step's rows are read by, and the maps behind it.
  void continueWith(const RowChain::Step &step, const std::string &name) {
    emitLastAxisRow(
        throughReshapes(step.rows).getDefiningOp(), g, threads, name, [&](Value i) { return load(b.getF32Type(), i); },
        [&](Value i, Value value) { b.store(mapped(step, value, i), at(i)); });
  }

  void end() {
    phiq::ContractOp last = chain.last;
    const int64_t columns = last.getColumns();
    Type element = elementTypeOf(last.getX());
    ProductCode code(g, last);
    overRow(columns, [&](Value i) {
      Value sum = code.sumOf([&](Value k) { return load(element, k); }, product, i);
      g.finish(last.getResult(), mapsBehind(), sum, b.add(b.mul(row, columns), i));
    });
  }

  SmallVector<phiq::MapOp> mapsBehind() const {
    SmallVector<phiq::MapOp> maps;
    for (Operation *op : ArrayRef(chain.behind).drop_front())
      maps.push_back(cast<phiq::MapOp>(op));
    return maps;
  }

  GridCode &g;
  GpuBuilder &b;
  const RowChain &chain;
  const int64_t threads, M, N;
  Value words, row, product, inProduct;
};

} // namespace

GpuGridKernel rowChainKernel(const RowChain &chain) {
  phiq::ContractOp first = chain.first;
  GpuGridKernel kernel{first.getBatch() * first.getRows(), kGridThreads, {}};
  kernel.emit = [=](GridCode &g) { RowChainCode(g, chain, kGridThreads).emit(); };
  return kernel;
}

} // namespace phic::gpu_code
