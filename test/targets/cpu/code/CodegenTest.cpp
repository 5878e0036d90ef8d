//===- CodegenTest.cpp - Bytes and refusals of code emission ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/code/Codegen.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "targets/cpu/Passes.h"
#include "test/targets/cpu/kernels/KernelJit.h"
#include "llvm/Object/ELFObjectFile.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace phic;

namespace {

/// Two regions, a kernel that calls both, and an entry point that names it.
std::string moduleText() {
  const std::string row = "tensor<1x576xf32>", quantized = "tensor<1x576x!phiq.block<s8, 32, scale = f32>>";
  std::string text =
      "func.func private @rows_norm(%x: " + row + ", %g: tensor<576xf32>) -> " + quantized + " {\n" +
      "%0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : " + row + ", tensor<576xf32>\n" +
      "%1 = phiq.quantize %0 : " + row + " -> " + quantized + "\nreturn %1 : " + quantized + "\n}\n" +
      "func.func private @rows_swiglu(%x: tensor<1x96xf32>, %y: tensor<1x96xf32>) -> tensor<1x96xf32> {\n" +
      "%0 = phiq.silu %x : tensor<1x96xf32>\n%1 = arith.mulf %0, %y : tensor<1x96xf32>\n" +
      "return %1 : tensor<1x96xf32>\n}\n";
  std::string calls;
  for (auto [name, count] : {std::pair("norm", 5), std::pair("swiglu", 3)}) {
    std::string types, values;
    for (int i = 0; i < count; ++i) {
      types += i ? ", !llvm.ptr" : "!llvm.ptr";
      values += i ? ", %p" : "%p";
    }
    text +=
        std::string("llvm.func @region_") + name + "(" + types + ") attributes {phic.region = @rows_" + name + "}\n";
    calls += std::string("llvm.call @region_") + name + "(" + values + ") : (" + types + ") -> ()\n";
  }
  return text + "llvm.func @kernel(%p: !llvm.ptr) {\n" + calls + "llvm.return\n}\n" +
         "llvm.func @phi_decode_x86_64_v3(%f: !llvm.ptr, %t: i32) {\nllvm.call @kernel(%f) : (!llvm.ptr) -> "
         "()\nllvm.return\n}\n";
}

std::string emitted(const std::string &text, CodeKind kind) {
  auto context = makeKernelContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  auto bytes = emitCode(*module, defaultCpuLevel(), kind, systemOf(defaultCpuLevel()).triple);
  if (!bytes)
    return "error: " + llvm::toString(bytes.takeError());
  return std::string(bytes->begin(), bytes->end());
}

TEST(Codegen, EqualModulesGiveEqualBytes) {
  std::string text = moduleText();
  EXPECT_EQ(emitted(text, CodeKind::Object), emitted(text, CodeKind::Object));
  EXPECT_EQ(emitted(text, CodeKind::LlvmIr), emitted(text, CodeKind::LlvmIr));
}

TEST(Codegen, OnlyEntryPointsAreVisible) {
  std::string object = emitted(moduleText(), CodeKind::Object);
  auto file = llvm::cantFail(llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(object, "code")));
  std::vector<std::string> visible;
  for (const llvm::object::SymbolRef &symbol : file->symbols())
    if (llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Global)
      visible.push_back(llvm::cantFail(symbol.getName()).str());
  EXPECT_THAT(visible, testing::ElementsAre("phi_decode_x86_64_v3"));
}

/// Between phases a module is text that a user may have touched.
TEST(Codegen, RefusesRegionsThatAreNone) {
  std::string text = moduleText(), other = text, missing = text, shorter = text;
  other.replace(other.find("arith.mulf"), 10, "arith.divf");
  EXPECT_THAT(emitted(other, CodeKind::Object), testing::HasSubstr("region_swiglu: arith.divf is no operation"));
  missing.replace(missing.find("= @rows_norm"), 12, "= @rows_gone");
  EXPECT_THAT(emitted(missing, CodeKind::Object), testing::HasSubstr("region_norm: its function is not in the module"));
  shorter.replace(shorter.find("= @rows_norm"), 12, "= @rows_swiglu");
  EXPECT_THAT(emitted(shorter, CodeKind::Object),
              testing::HasSubstr("region_norm takes 5 pointers, its function asks for 3"));
}

} // namespace
