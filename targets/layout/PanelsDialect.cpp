//===- PanelsDialect.cpp - Weights in panels -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/layout/PanelsDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace phic {
/// For the storage of attributes: equal layouts have equal names.
static llvm::hash_code hash_value(const PackedLayout &layout) { return llvm::hash_value(layout.name()); }
} // namespace phic

using namespace phic;
using namespace phic::panels;

#include "targets/layout/PanelsDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "targets/layout/PanelsAttrs.cpp.inc"

void PanelsDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "targets/layout/PanelsAttrs.cpp.inc"
      >();
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  std::string text;
  SMLoc loc;
  if (parser.parseLess() || parser.getCurrentLocation(&loc) || parser.parseString(&text))
    return {};
  std::optional<PackedLayout> layout = PackedLayout::parse(text);
  if (!layout)
    return parser.emitError(loc, "'") << text << "' is no packed layout", Attribute();
  return parser.parseGreater() ? Attribute() : get(parser.getContext(), *layout);
}

void LayoutAttr::print(AsmPrinter &printer) const { printer << "<\"" << getLayout().name() << "\">"; }

std::string LayoutAttr::layoutName() const { return getLayout().name(); }
int64_t LayoutAttr::bytes(int64_t rows, int64_t K) const { return getLayout().bytes(rows, K); }
bool LayoutAttr::holdsCodes() const { return getLayout().kind == PackedLayout::Kind::BlockPanel; }
int64_t LayoutAttr::rowsTogether() const { return getLayout().panelRows(); }

void LayoutAttr::packCodes(ArrayRef<BlockRow> rows, int64_t K, uint8_t *out) const {
  const int64_t count = int64_t(rows.size()), panel = getLayout().panelRows();
  for (int64_t n = 0; n < count; n += panel, out += getLayout().panelBytes(K))
    getLayout().packPanel(rows.data() + n, std::min(panel, count - n), K, out);
}

void LayoutAttr::packFloats(ArrayRef<float> values, int64_t K, uint8_t *out) const {
  const int64_t count = int64_t(values.size()) / K, panel = getLayout().panelRows();
  for (int64_t n = 0; n < count; n += panel, out += getLayout().panelBytes(K))
    getLayout().packPanel(values.data() + n * K, std::min(panel, count - n), K, out);
}

void LayoutAttr::unpackRow(const uint8_t *base, int64_t K, int64_t n, BlockRow *out) const {
  getLayout().unpackRow(base, K, n, out);
}

void LayoutAttr::dequantizeRow(const uint8_t *base, int64_t K, int64_t n, float *out) const {
  getLayout().dequantizeRow(base, K, n, out);
}

std::optional<PackedLayout> phic::packedLayoutOf(Operation *weight) {
  auto packed = weight->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
  auto layout = packed ? dyn_cast<LayoutAttr>(packed.getLayout()) : LayoutAttr();
  return layout ? std::optional(layout.getLayout()) : std::nullopt;
}
