//===- PinPrecision.cpp - Weight formats by regular expression -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Before phic's own precision phase, so that its flags are for all other weights:
//
//     %w = phiq.weight "layers.0.mlp.down_proj.weight" ... : tensor<96x256xf32>
//     ->
//     %w = phiq.weight "layers.0.mlp.down_proj.weight" ...
//          {conversion = #phiq.conversion<from = f32, method = "rtn">, phiq.pinned} : tensor<96x256xf16>
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "dialects/phiq/Phiq.h"
#include "passes/precision/PrecisionSpec.h"
#include "passes/precision/WeightRoles.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace phic;

namespace {

/// A format by the words of --precision: fp16, int8, "u4, 32, scale = f16, zero = 8"...
std::optional<AskedFormat> parseFormat(StringRef text, std::string *error) {
  PrecisionFlags flags;
  flags.precision = text.str();
  std::optional<PrecisionSpec> spec = PrecisionSpec::parse(flags, error);
  return spec ? std::optional(spec->all) : std::nullopt;
}

Type elementType(const AskedFormat &asked, ShapedType weight) {
  Builder builder(weight.getContext());
  switch (asked.kind) {
  case AskedFormat::Kind::AsIs:
    return weight.getElementType();
  case AskedFormat::Kind::Float:
    return asked.element == Scalar::F16    ? Type(builder.getF16Type())
           : asked.element == Scalar::BF16 ? builder.getBF16Type()
                                           : builder.getF32Type();
  case AskedFormat::Kind::Block:
    break;
  }
  BlockFormat format = asked.block;
  if (asked.isRow)
    format.block = weight.getDimSize(1);
  return phiq::BlockType::get(weight.getContext(), format);
}

struct Rule {
  std::string text;
  llvm::Regex regex;
  AskedFormat format;
  bool isUsed = false;
};

struct PinPrecision : PassWrapper<PinPrecision, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PinPrecision)
  PinPrecision() = default;
  PinPrecision(const PinPrecision &other) : PassWrapper(other) {} // options copy themselves
  explicit PinPrecision(const std::vector<std::string> &given) { rules = given; }

  StringRef getArgument() const override { return "example-pin-precision"; }
  StringRef getDescription() const override { return "give the weights that a regular expression matches a format"; }

  void runOnOperation() override {
    std::vector<Rule> parsed;
    if (failed(parseRules(parsed)))
      return signalPassFailure();
    for (WeightRole role : findWeightRoles(getOperation())) { // the matrices; no norms, biases or rope tables
      Rule *last = nullptr;
      for (Rule &rule : parsed)
        if (rule.regex.match(role.weight.getName()))
          last = &rule, rule.isUsed = true;
      if (last && failed(pin(role.weight, *last)))
        return signalPassFailure();
    }
    for (const Rule &rule : parsed)
      if (!rule.isUsed)
        emitWarning(getOperation().getLoc()) << "pin-precision: '" << rule.text << "' matches no matrix of this model";
  }

  LogicalResult parseRules(std::vector<Rule> &parsed) {
    for (const std::string &text : rules) {
      auto [regex, format] = StringRef(text).split('=');
      std::string error;
      std::optional<AskedFormat> asked = parseFormat(format, &error);
      if (asked && llvm::Regex(regex).isValid(error))
        parsed.push_back({text, llvm::Regex(regex), *asked});
      else
        return emitError(getOperation().getLoc()) << "pin-precision: rule '" << text << "': " << error;
    }
    return success();
  }

  LogicalResult pin(phiq::WeightOp weight, const Rule &rule) {
    auto type = cast<RankedTensorType>(weight.getType());
    Type from = type.getElementType(), to = elementType(rule.format, type);
    auto quantized = dyn_cast<phiq::BlockType>(from);
    if (quantized && rule.format.isWidth && quantized.getFormat().codes.bits == rule.format.block.codes.bits)
      to = from; // "int4": any 4-bit format
    if (from != to && quantized)
      return weight.emitError() << "is " << from << " in the model; pin-precision does not quantize it again, to "
                                << to;
    weight->setAttr(phiq::PhiqDialect::kPinned, UnitAttr::get(&getContext()));
    emitRemark(weight.getLoc()) << "pinned to " << to << " by '" << rule.text << "'"
                                << (from == to ? ", as it was" : "");
    if (from == to)
      return success();
    weight.setConversionAttr(phiq::ConversionAttr::get(&getContext(), from, ConvertMethod::Rtn));
    weight.getResult().setType(cast<RankedTensorType>(type.clone(to)));
    return success();
  }

  ListOption<std::string> rules{*this, "rules",
                                llvm::cl::desc("REGEX=FORMAT, the last that matches a weight's name wins")};
};

void registerPinPrecision(PluginRegistry &registry) {
  registry.addPass<PinPrecision>();
  std::vector<std::string> rules = registry.options("rule");
  registry.runBefore(Phase::Precision, [rules] { return std::make_unique<PinPrecision>(rules); });
}

} // namespace

PHIC_PLUGIN("pin-precision", "1.0", registerPinPrecision)
