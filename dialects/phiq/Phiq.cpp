//===- Phiq.cpp - Types and attributes of phiq -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/AddedFormats.h"
#include "dialects/phiq/Meanings.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace phic;
using namespace phic::phiq;

llvm::hash_code phic::hash_value(const BlockFormat &f) {
  return llvm::hash_combine(f.codes.bits, f.codes.isSigned, f.block, int(f.scale), f.subScaleBits, f.subScaleSigned,
                            int(f.zero), f.zeroConstant, int(f.min));
}

llvm::hash_code phic::hash_value(const StoredAs &storedAs) {
  return llvm::hash_combine(storedAs.added(), storedAs.layout());
}

FailureOr<ConvertMethod> FieldParser<ConvertMethod>::parse(AsmParser &parser) {
  std::string name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseString(&name))
    return failure();
  if (std::optional<ConvertMethod> method = convertMethodByName(name))
    return *method;
  return parser.emitError(loc, "unknown method of conversion '") << name << "'";
}

#include "dialects/phiq/PhiqDialect.cpp.inc"
#include "dialects/phiq/PhiqEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/phiq/PhiqTypes.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/phiq/PhiqAttrs.cpp.inc"

namespace phic::phiq {
/// ArithRowOps.cpp.
void attachArithRowOps(MLIRContext *context);
} // namespace phic::phiq

#include "dialects/phiq/PhiqInterfaces.cpp.inc"

Scalar phiq::scalarOf(Type type) {
  if (type.isF16() || type.isBF16() || type.isF32())
    return type.isF16() ? Scalar::F16 : type.isBF16() ? Scalar::BF16 : Scalar::F32;
  return type.isInteger(8) ? (type.isUnsignedInteger() ? Scalar::U8 : Scalar::I8) : Scalar::None;
}

void PhiqDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/phiq/PhiqTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/phiq/PhiqAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/phiq/PhiqOps.cpp.inc"
      >();
  addGridOps();
  attachArithRowOps(getContext());
}

/// Collects the text between the angle brackets and gives it to BlockFormat,
/// which owns the grammar, so that it is written once.
Type BlockType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  std::string text;
  if (parser.parseLess())
    return {};
  auto keyword = [&](StringRef prefix) {
    StringRef word;
    if (succeeded(parser.parseOptionalKeyword(&word))) {
      text += (prefix + word).str();
      return true;
    }
    return false;
  };
  while (failed(parser.parseOptionalGreater())) {
    int64_t number;
    if (keyword(""))
      continue;
    if (succeeded(parser.parseOptionalEqual()))
      text += " = ";
    else if (succeeded(parser.parseOptionalComma()))
      text += ", ";
    else if (succeeded(parser.parseOptionalStar()))
      text += " * ";
    else if (auto found = parser.parseOptionalInteger(number); found.has_value() && succeeded(*found))
      text += std::to_string(number);
    else
      return parser.emitError(parser.getCurrentLocation(), "expected a block format"), Type();
  }
  std::string error;
  std::optional<BlockFormat> format = BlockFormat::parse(text, &error);
  if (!format)
    return parser.emitError(loc, error), Type();
  return get(parser.getContext(), *format);
}

void BlockType::print(AsmPrinter &printer) const { printer << '<' << getFormat().str() << '>'; }

LogicalResult PhiqDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == kModel && !isa<ModelAttr>(attribute.getValue()))
    return op->emitError("'") << kModel << "' must be a #phiq.model, found " << attribute.getValue();
  return success();
}

Attribute StorageAttr::parse(AsmParser &parser, Type) {
  std::string name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseString(&name))
    return {};
  if (std::optional<StorageLayout> layout = storageLayoutByName(name))
    return get(parser.getContext(), *layout);
  if (const BlockStorage *row = AddedFormats::byName(parser.getContext(), name))
    return get(parser.getContext(), StoredAs(row));
  parser.emitError(loc, "unknown storage layout '") << name << "': if it is a plugin's, load that plugin";
  return {};
}

void StorageAttr::print(AsmPrinter &printer) const { printer.printString(StringRef(getStoredAs().name())); }

Attribute RangeAttr::parse(AsmParser &parser, Type) {
  uint64_t file, offset, length, hash;
  if (parser.parseLess() || parser.parseKeyword("file") || parser.parseEqual() || parser.parseInteger(file) ||
      parser.parseComma() || parser.parseKeyword("offset") || parser.parseEqual() || parser.parseInteger(offset) ||
      parser.parseComma() || parser.parseKeyword("length") || parser.parseEqual() || parser.parseInteger(length) ||
      parser.parseComma() || parser.parseKeyword("hash") || parser.parseEqual() || parser.parseInteger(hash) ||
      parser.parseGreater())
    return {};
  return get(parser.getContext(), file, offset, length, hash);
}

void RangeAttr::print(AsmPrinter &printer) const {
  printer << "<file = " << getFile() << ", offset = " << getOffset() << ", length = " << getLength() << ", hash = 0x"
          << llvm::utohexstr(getHash(), /*LowerCase=*/true, /*Width=*/16) << '>';
}
