//===- RegionText.h - Regions of tests, as text ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The signature and body of a region's function, in which ROW, HALF and BRAIN stand
// for tensor<1xNx...> of f32, f16 and bf16, VECTOR for tensor<Nxf32> and Q16, Q32 for
// quantized rows of N columns:
//
//     ParsedRegion sum("(%x: ROW, %y: ROW) -> ROW { %0 = arith.addf %x, %y : ROW  return %0 : ROW }", 64);
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_REGIONS_REGIONTEXT_H
#define PHIC_TEST_TARGETS_CPU_REGIONS_REGIONTEXT_H

#include "mlir/Parser/Parser.h"
#include "targets/cpu/regions/Region.h"

namespace phic {

class ParsedRegion {
public:
  ParsedRegion(std::string text, int64_t columns) {
    const std::string n = std::to_string(columns);
    const std::pair<std::string, std::string> words[] = {
        {"ROW", "tensor<1x" + n + "xf32>"},
        {"HALF", "tensor<1x" + n + "xf16>"},
        {"BRAIN", "tensor<1x" + n + "xbf16>"},
        {"VECTOR", "tensor<" + n + "xf32>"},
        {"Q16", "tensor<1x" + n + "x!phiq.block<s8, 16, scale = f32>>"},
        {"Q32", "tensor<1x" + n + "x!phiq.block<s8, 32, scale = f32>>"},
        {"COLUMNS", n},
    };
    for (const auto &[word, type] : words)
      for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += type.size())
        text.replace(at, word.size(), type);
    module = mlir::parseSourceString<mlir::ModuleOp>("func.func private @rows" + text, &context());
    if (module)
      region = RowRegion::of(module->lookupSymbol<mlir::func::FuncOp>("rows"), &why);
  }

  const RowRegion &operator*() const { return *region; }
  const RowRegion *operator->() const { return &*region; }

  std::string why; ///< it is none
  std::optional<RowRegion> region;

private:
  static mlir::MLIRContext &context() {
    static mlir::MLIRContext context;
    context.loadDialect<phiq::PhiqDialect, mlir::func::FuncDialect>();
    return context;
  }
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_REGIONS_REGIONTEXT_H
