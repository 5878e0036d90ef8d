//===- AssignPrecision.cpp - Which format each weight takes ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Honours `--precision`, `--precision-rule`, `--embeddings` and `--lm-head`. The weight's type changes, and the lossy
// step that this asks for is said beside it; the numbers are made when the weight is read.
//
//     %w = phiq.weight "w" ... : tensor<96x256xf32>
//     ->
//     %w = phiq.weight "w" ... {conversion = #phiq.conversion<from = f32, method = "rtn">}
//          : tensor<96x256x!phiq.block<u4, 32, scale = f16, zero = 8>>
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "passes/Passes.h"
#include "passes/precision/PrecisionSpec.h"
#include "passes/precision/WeightRoles.h"
#include "targets/Backend.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

namespace phic {
#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

ShapedType typeOf(phiq::WeightOp weight) { return cast<ShapedType>(weight.getType()); }

/// 96x256, or 64x3x3x64 of a convolution.
std::string shapeText(phiq::WeightOp weight) {
  return llvm::join(llvm::map_range(typeOf(weight).getShape(), [](int64_t size) { return std::to_string(size); }), "x");
}

constexpr size_t kShownWeights = 12;

/// A weight's location is its name.
void noteWeights(InFlightDiagnostic &error, ArrayRef<phiq::WeightOp> weights, Location rest) {
  for (phiq::WeightOp weight : weights.take_front(kShownWeights))
    error.attachNote(weight.getLoc()) << shapeText(weight) << ", " << typeOf(weight).getElementType();
  if (weights.size() > kShownWeights)
    error.attachNote(rest) << "and " << weights.size() - kShownWeights << " more";
}

/// Whether a weight of this element type is what is asked for already.
bool satisfies(Type element, Type wanted, const AskedFormat &asked) {
  if (element == wanted)
    return true;
  if (auto codes = dyn_cast<IntegerType>(element))
    return asked.isWidth && codes.getWidth() == asked.block.codes.bits;
  auto block = dyn_cast<phiq::BlockType>(element);
  return block && asked.isWidth && block.getFormat().codes.bits == asked.block.codes.bits;
}

struct AssignPrecision : impl::AssignPrecisionPassBase<AssignPrecision> {
  using AssignPrecisionPassBase::AssignPrecisionPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    AssignPrecisionPassBase::getDependentDialects(registry);
    registerBackendDialects(registry);
  }

  void runOnOperation() override {
    std::string error;
    std::optional<PrecisionSpec> parsed = PrecisionSpec::parse(flags(), &error);
    auto named = backendsNamed(families, getOperation());
    if (!parsed)
      getOperation().emitError() << error;
    if (!parsed || failed(named))
      return signalPassFailure();
    backends = *named;
    spec = *parsed;
    if (!spec.isAsIs() && failed(assignAll()))
      signalPassFailure();
  }

  PrecisionFlags flags() {
    return {
        precision,      block, scheme, axis, embeddings, lmHead, std::vector<std::string>(rules.begin(), rules.end()),
        allowRequantize};
  }

  LogicalResult assignAll() {
    SmallVector<WeightRole> roles = findWeightRoles(getOperation());
    SmallVector<std::pair<phiq::WeightOp, Type>> changes;
    SmallVector<phiq::WeightOp> quantized, codes;
    used.assign(spec.rules.size(), false);
    for (WeightRole role : roles) {
      FailureOr<const AskedFormat *> asked = formatFor(role);
      if (failed(asked))
        return failure();
      if (role.weight->hasAttr(phiq::PhiqDialect::kPinned))
        continue; // a rule that matches it counts as used
      Type wanted = elementFor(role.weight, **asked), element = typeOf(role.weight).getElementType();
      if (satisfies(element, wanted, **asked))
        continue;
      if (isa<IntegerType>(element)) {
        codes.push_back(role.weight);
        continue;
      }
      if (failed(requirePackable(role.weight, wanted)))
        return failure();
      if (isa<phiq::BlockType>(element) && !spec.allowRequantize)
        quantized.push_back(role.weight);
      changes.emplace_back(role.weight, wanted);
    }
    if (failed(requireRulesUsed(roles)) || failed(requireTables(roles)) || failed(requireFloats(quantized)) ||
        failed(requireNoCodes(codes)))
      return failure();
    for (auto [weight, wanted] : changes)
      if (failed(change(weight, wanted)))
        return failure();
    remarkConstants();
    return success();
  }

  /// The last rule that matches; else the policy of its role; else what everything takes.
  FailureOr<const AskedFormat *> formatFor(WeightRole role) {
    const AskedFormat *asked = nullptr;
    for (auto [i, rule] : llvm::enumerate(spec.rules))
      if (llvm::Regex(rule.regex).match(role.weight.getName())) {
        used[i] = true;
        asked = &rule.format;
      }
    if (asked)
      return asked;
    if (role.isEmbedding && role.isLmHead)
      return tiedFormat(role.weight);
    return role.isEmbedding ? &spec.embeddings : role.isLmHead ? &spec.lmHead : &spec.all;
  }

  /// One weight is both: it has one format.
  FailureOr<const AskedFormat *> tiedFormat(phiq::WeightOp weight) {
    Type embeddings = elementFor(weight, spec.embeddings), lmHead = elementFor(weight, spec.lmHead);
    if (spec.embeddingsGiven && spec.lmHeadGiven && embeddings != lmHead)
      return weight.emitError() << "is both embeddings and LM head of this model, and --embeddings asks for "
                                << embeddings << ", --lm-head for " << lmHead
                                << "; give them one format, or only one of the flags";
    return spec.embeddingsGiven ? &spec.embeddings : &spec.lmHead;
  }

  Type elementFor(phiq::WeightOp weight, const AskedFormat &asked) {
    Builder builder(&getContext());
    switch (asked.kind) {
    case AskedFormat::Kind::AsIs:
      return typeOf(weight).getElementType();
    case AskedFormat::Kind::Float:
      return asked.element == Scalar::F16    ? Type(builder.getF16Type())
             : asked.element == Scalar::BF16 ? Type(builder.getBF16Type())
                                             : Type(builder.getF32Type());
    case AskedFormat::Kind::Block:
      break;
    }
    BlockFormat format = asked.block;
    if (asked.isRow)
      format.block = rowsAndColumns(weight).second;
    return phiq::BlockType::get(&getContext(), format);
  }

  LogicalResult requirePackable(phiq::WeightOp weight, Type wanted) {
    const WeightUse use{WeightUse::Kind::Matrix, typeOf(weight).clone(wanted)};
    for (const Backend *backend : backends) {
      std::string reason;
      if (!backend->weightLayout(use, &reason))
        return weight.emitError() << shapeText(weight) << " cannot be " << wanted << ": " << reason;
    }
    return success();
  }

  /// A rule that matches nothing is a mistake that the program would hide.
  LogicalResult requireRulesUsed(ArrayRef<WeightRole> roles) {
    for (auto [rule, isUsed] : llvm::zip(spec.rules, used)) {
      if (isUsed)
        continue;
      InFlightDiagnostic error = getOperation().emitError("--precision-rule '")
                                 << rule.text << "' matches none of the " << roles.size()
                                 << " matrices of this model; their names are";
      noteWeights(error, llvm::map_to_vector(roles, [](const WeightRole &role) { return role.weight; }),
                  getOperation().getLoc());
      return error;
    }
    return success();
  }

  /// Weights that were quantized by somebody stay as they are unless a user insists.
  LogicalResult requireFloats(ArrayRef<phiq::WeightOp> quantized) {
    if (quantized.empty())
      return success();
    InFlightDiagnostic error = getOperation().emitError()
                               << quantized.size()
                               << " weights are quantized already; quantizing them again adds to their error. "
                                  "Use --allow-requantize, or keep them with --precision-rule 'REGEX=as-is'";
    noteWeights(error, quantized, getOperation().getLoc());
    return error;
  }

  /// A graph's codes have their scales beside them, in ops of their own.
  LogicalResult requireNoCodes(ArrayRef<phiq::WeightOp> codes) {
    if (codes.empty())
      return success();
    InFlightDiagnostic error = getOperation().emitError()
                               << codes.size()
                               << " weights are integers, which this graph scales itself: their format is not to be "
                                  "changed; keep them with --precision-rule 'REGEX=as-is'";
    noteWeights(error, codes, getOperation().getLoc());
    return error;
  }

  /// A flag about tables that the model has not is a mistake that the program would hide.
  LogicalResult requireTables(ArrayRef<WeightRole> roles) {
    const std::tuple<bool, bool WeightRole::*, const char *> all[] = {
        {spec.embeddingsGiven, &WeightRole::isEmbedding, "--embeddings: this model has no table of token embeddings"},
        {spec.lmHeadGiven, &WeightRole::isLmHead, "--lm-head: this model has no LM head"}};
    for (auto [isGiven, is, text] : all)
      if (isGiven && llvm::none_of(roles, [is = is](const WeightRole &role) { return role.*is; }))
        return getOperation().emitError(text);
    return success();
  }

  /// What is computed while importing is no tensor of the model's file, whose rows could be converted as they are packed.
  void remarkConstants() {
    int64_t constants = 0;
    getOperation().walk([&](phiq::ConstantOp op) {
      constants += op.getType().getElementType().isF32() && llvm::any_of(op->getUses(), phiq::isFactor);
    });
    if (constants)
      getOperation().emitRemark() << constants << " weights stay f32, since they are computed while importing";
  }

  LogicalResult change(phiq::WeightOp weight, Type wanted) {
    if (weight.getMethod())
      return weight.emitError() << "is converted already, from " << weight.getModelElementType();
    weight.setConversionAttr(
        phiq::ConversionAttr::get(&getContext(), typeOf(weight).getElementType(), ConvertMethod::Rtn));
    weight.getResult().setType(cast<RankedTensorType>(typeOf(weight).clone(wanted)));
    return success();
  }

  PrecisionSpec spec;
  SmallVector<const Backend *> backends;
  SmallVector<bool> used; ///< rules that matched, by index
};

} // namespace
} // namespace phic
