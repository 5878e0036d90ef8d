//===- WeightsTest.cpp - Packed weights against the model's ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/Weights.h"

#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "mlir/Parser/Parser.h"
#include "targets/Backend.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace phic;

namespace {

/// A stand-in for the model's files.
struct Zeros : WeightSource {
  void dequantizeRows(mlir::Operation *, int64_t, int64_t count, float *values) override {
    std::fill_n(values, count * 3, 0.0f);
  }
  void readRows(mlir::Operation *, int64_t, int64_t, BlockRow *) override {}
};

class Packed : public testing::Test {
protected:
  Packed() {
    mlir::DialectRegistry registry;
    registry.insert<phiq::PhiqDialect, plan::PlanDialect>();
    registerBackendDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  void parse(const std::string &packed) {
    module = mlir::parseSourceString<mlir::ModuleOp>(
        "%w = phiq.weight \"w\" layout = \"dense_nk\" [#phiq.range<file = 0, offset = 0, length = 24, hash = 0x0>]" +
            packed + " : tensor<2x3xf32>",
        &context);
    ASSERT_TRUE(module);
  }
  std::string failure(llvm::ArrayRef<uint8_t> segment) {
    auto weights = PackedWeights::open(*module, segment);
    return weights ? "" : llvm::toString(weights.takeError());
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(Packed, OneWrongElementIsNamed) {
  parse(" {plan.packed = #plan.packed<#panels.layout<\"dense_f32\">, offset = 64, bytes = 24>}");
  std::vector<uint8_t> segment(64 + 24);
  auto weights = PackedWeights::open(*module, segment);
  ASSERT_TRUE(bool(weights));
  Zeros model;
  EXPECT_FALSE(bool(comparePacking(*module, **weights, model)));
  float half = 0.5f;
  std::memcpy(segment.data() + 64 + 4 * 4, &half, 4);
  EXPECT_EQ(llvm::toString(comparePacking(*module, **weights, model)),
            "weight 'w' is packed wrongly: row 1, element 1 is 0.50, the model has 0.00");
}

TEST_F(Packed, WhatTheManifestClaimsIsChecked) {
  std::vector<uint8_t> segment(64);
  parse("");
  EXPECT_EQ(failure(segment), "weight 'w' has no plan.packed: the IR is from before the layout phase");
  parse(" {plan.packed = #plan.packed<#panels.layout<\"dense_f32\">, offset = 48, bytes = 24>}");
  EXPECT_EQ(failure(segment), "weight 'w' does not lie in the program's weight segment");
  parse(" {plan.packed = #plan.packed<#panels.layout<\"dense_f32\">, offset = 0, bytes = 8>}");
  EXPECT_EQ(failure(segment), "weight 'w' does not lie in the program's weight segment");
}

} // namespace
