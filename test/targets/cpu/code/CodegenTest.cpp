//===- CodegenTest.cpp - Bytes and refusals of code emission ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/code/Codegen.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/regions/Region.h"
#include "test/targets/cpu/kernels/KernelJit.h"
#include "llvm/Object/ELFObjectFile.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace phic;

namespace {

const char *kRegions[] = {"576: %0 = in f32; %1 = in f32; %2 = rms_norm %0 %1 1e-05; out q32 %2",
                          "96: %0 = in f32; %1 = silu %0; %2 = in f32; %3 = mul %1 %2; out f32 %3"};

/// One kernel that calls both regions, and an entry point that names it.
std::string moduleText() {
  std::string text, calls;
  for (const char *region : kRegions) {
    RegionSpec spec = *RegionSpec::parse(region, nullptr);
    std::string types, values;
    for (unsigned i = 0; i < spec.argumentCount(); ++i) {
      types += i ? ", !llvm.ptr" : "!llvm.ptr";
      values += i ? ", %p" : "%p";
    }
    text += "llvm.func @" + spec.name() + "(" + types + ") attributes {phic.region = \"" + region + "\"}\n";
    calls += "llvm.call @" + spec.name() + "(" + values + ") : (" + types + ") -> ()\n";
  }
  return text + "llvm.func @kernel(%p: !llvm.ptr) {\n" + calls + "llvm.return\n}\n" +
         "llvm.func @phi_decode_x86_64_v3(%f: !llvm.ptr, %t: i32) {\nllvm.call @kernel(%f) : (!llvm.ptr) -> "
         "()\nllvm.return\n}\n";
}

std::string emitted(const std::string &text, CodeKind kind) {
  auto context = makeKernelContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  auto bytes = emitCode(*module, defaultTarget(), kind, systemOf(defaultTarget()).triple);
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
TEST(Codegen, RefusesRegionsThatAreNotWhatTheySay) {
  std::string text = moduleText(), garbled = text, renamed = text;
  garbled.replace(garbled.find("rms_norm %0"), 11, "warp_nor %0");
  EXPECT_THAT(emitted(garbled, CodeKind::Object), testing::HasSubstr("expected an operation"));
  renamed.replace(renamed.find("1e-05"), 5, "1e-06");
  EXPECT_THAT(emitted(renamed, CodeKind::Object), testing::HasSubstr("its text is that of region_rms_norm"));
}

} // namespace
