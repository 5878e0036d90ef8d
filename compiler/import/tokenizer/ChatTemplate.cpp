//===- ChatTemplate.cpp - Jinja chat templates as tables ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/import/tokenizer/ChatTemplate.h"
#include "compiler/import/tokenizer/Json.h"

namespace phic::tokenizer {

llvm::Expected<CompiledChat> compileChatTemplate(llvm::StringRef, const TemplateTokens &) {
  return fail("chat templates are not read yet");
}

} // namespace phic::tokenizer
