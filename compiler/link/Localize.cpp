//===- Localize.cpp - An object with one symbol ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Localize.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ELF/ELFConfig.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> localizeSymbols(const llvm::MemoryBuffer &object,
                                                                    const std::string &name) {
  auto file = llvm::object::ObjectFile::createELFObjectFile(object.getMemBufferRef());
  if (!file)
    return file.takeError();
  llvm::objcopy::CommonConfig config;
  std::string symbol = "phi_query_" + name;
  config.OutputFormat = llvm::objcopy::FileFormat::ELF;
  config.StripUnneeded = true;
  config.SymbolsToRename["phi_query"] = symbol;
  auto query = llvm::objcopy::NameOrPattern::create("phi_query", llvm::objcopy::MatchStyle::Literal,
                                                    [](llvm::Error failure) { return failure; });
  if (llvm::Error failure = config.SymbolsToKeepGlobal.addMatcher(std::move(query)))
    return std::move(failure);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  if (llvm::Error failure = llvm::objcopy::elf::executeObjcopyOnBinary(
          config, llvm::objcopy::ELFConfig(), llvm::cast<llvm::object::ELFObjectFileBase>(**file), out))
    return std::move(failure);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), /*RequiresNullTerminator=*/false);
}

} // namespace phic
