//===- AssignKvCache.cpp - What the KV cache holds -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Honours `--kv`: importers leave caches f32.
//
//     phiq.cache @kv0 {element = f32, ...}     ->     phiq.cache @kv0 {element = f16, ...}
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"

namespace phic {
#define GEN_PASS_DEF_ASSIGNKVCACHEPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

struct AssignKvCache : impl::AssignKvCachePassBase<AssignKvCache> {
  using AssignKvCachePassBase::AssignKvCachePassBase;

  void runOnOperation() override {
    Builder builder(&getContext());
    if (kv != "f16" && kv != "f32") {
      getOperation().emitError("unknown element type '") << kv.getValue() << "' of the KV cache; use f16 or f32";
      return signalPassFailure();
    }
    Type element = kv == "f16" ? Type(builder.getF16Type()) : Type(builder.getF32Type());
    for (auto cache : getOperation().getOps<phiq::CacheOp>())
      cache.setElement(element);
  }
};

} // namespace
} // namespace phic
