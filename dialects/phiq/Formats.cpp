//===- Formats.cpp - Weight formats as data --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Formats.h"

namespace phic {
std::string_view storageLayoutName(StorageLayout layout) { return {}; }
std::optional<StorageLayout> storageLayoutByName(std::string_view name) { return std::nullopt; }
std::string BlockFormat::str() const { return {}; }
std::optional<BlockFormat> BlockFormat::parse(std::string_view, std::string *) { return std::nullopt; }
} // namespace phic
