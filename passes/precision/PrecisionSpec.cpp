//===- PrecisionSpec.cpp - What precision a user asks for ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/precision/PrecisionSpec.h"
#include "llvm/Support/Regex.h"
#include <algorithm>
#include <charconv>

namespace phic {
namespace {

constexpr int64_t kDefaultBlock = 32, kLeastBlock = 16, kGreatestBlock = 256;

/// Reads the flags in order; the first problem is kept.
class SpecParser {
public:
  explicit SpecParser(const PrecisionFlags &flags) : flags(flags) {}

  bool parse(PrecisionSpec &spec) {
    return parseBlock() && parseScheme() && parseAll(spec) &&
           parseRole(spec, "--embeddings", flags.embeddings, spec.embeddings, spec.embeddingsGiven) &&
           parseRole(spec, "--lm-head", flags.lmHead, spec.lmHead, spec.lmHeadGiven) && parseRules(spec) &&
           requireUse();
  }

  std::string error;

private:
  bool fail(std::string message) {
    error = std::move(message);
    return false;
  }

  bool parseBlock() {
    if (!flags.axis.empty() && flags.axis != "k")
      return fail("--axis=" + flags.axis +
                  ": kernels read blocks along k, the axis that a matmul sums over; use --axis=k, "
                  "with --block=row for one scale a row");
    if (flags.block == "row")
      return isRow = true;
    if (flags.block.empty())
      return true;
    const char *end = flags.block.data() + flags.block.size();
    auto [stop, code] = std::from_chars(flags.block.data(), end, block);
    if (code == std::errc() && stop == end && block >= kLeastBlock && block <= kGreatestBlock && block % 16 == 0)
      return true;
    return fail("--block=" + flags.block + " is no block size that kernels read; use a multiple of 16 from " +
                std::to_string(kLeastBlock) + " to " + std::to_string(kGreatestBlock) + ", or row");
  }

  bool parseScheme() {
    if (flags.scheme.empty() || flags.scheme == "sym" || flags.scheme == "asym")
      return true;
    return fail("unknown scheme '" + flags.scheme + "'; use sym or asym");
  }

  /// Codes of `bits` in blocks, as the other flags say.
  AskedFormat integers(uint8_t bits) {
    saysIntegers = true;
    AskedFormat asked;
    asked.kind = AskedFormat::Kind::Block;
    asked.isRow = isRow;
    asked.isWidth = flags.block.empty() && flags.scheme.empty() && flags.axis.empty();
    bool symmetric = flags.scheme != "asym";
    asked.block.codes = {bits, /*isSigned=*/symmetric && bits == 8};
    asked.block.block = block;
    asked.block.scale = Scalar::F16;
    if (!symmetric)
      asked.block.zero = bits == 8 ? Scalar::U8 : Scalar::U4;
    else if (bits != 8)
      asked.block.zeroConstant = int64_t(1) << (bits - 1);
    return asked;
  }

  /// The formats with a name of their own; empty for other text.
  std::optional<AskedFormat> named(const std::string &text) {
    auto floats = [](Scalar element) { return AskedFormat{AskedFormat::Kind::Float, element, {}}; };
    if (text == "as-is")
      return AskedFormat();
    if (text == "fp32" || text == "f32")
      return floats(Scalar::F32);
    if (text == "fp16" || text == "f16")
      return floats(Scalar::F16);
    if (text == "bf16")
      return floats(Scalar::BF16);
    if (text == "int8")
      return integers(8);
    if (text == "int4")
      return integers(4);
    return std::nullopt;
  }

  bool parseFormat(const std::string &where, const std::string &text, AskedFormat &format) {
    if (std::optional<AskedFormat> known = named(text)) {
      format = *known;
      return true;
    }
    std::string reason;
    std::optional<BlockFormat> parsed = BlockFormat::parse(text, &reason);
    if (!parsed)
      return fail(where + ": unknown format '" + text +
                  "'; use as-is, fp32, fp16, bf16, int8, int4 or a block format such as "
                  "'u4, 32, scale = f16, zero = 8' (read as one: " +
                  reason + ")");
    if (reason = checkRoundToNearest(*parsed); !reason.empty())
      return fail(where + ": block format '" + text + "' " + reason);
    format = AskedFormat{AskedFormat::Kind::Block, Scalar::F32, *parsed};
    return true;
  }

  bool parseAll(PrecisionSpec &spec) {
    return flags.precision.empty() || parseFormat("--precision", flags.precision, spec.all);
  }

  /// `auto`: 8 bits where everything else has fewer, since an error in these two tables reaches every token and
  /// they are a small part of a large model; else as everything else. docs/using.md says how peers do it.
  bool parseRole(const PrecisionSpec &spec, const char *flag, const std::string &text, AskedFormat &format,
                 bool &given) {
    given = !text.empty() && text != "auto";
    if (given && text != "same")
      return parseFormat(flag, text, format);
    bool isNarrow = spec.all.kind == AskedFormat::Kind::Block && spec.all.block.codes.bits < 8;
    format = isNarrow && !given ? integers(8) : spec.all;
    return true;
  }

  bool parseRules(PrecisionSpec &spec) {
    for (const std::string &text : flags.rules) {
      // A block format has equals signs too, names of weights have none.
      size_t equals = text.find('=');
      std::string where = "--precision-rule '" + text + "'";
      if (equals == std::string::npos || equals == 0)
        return fail(where + " is not REGEX=FORMAT, such as 'lm_head=int8'");
      PrecisionRule rule{text, text.substr(0, equals), {}};
      std::string reason;
      if (!llvm::Regex(rule.regex).isValid(reason))
        return fail(where + ": '" + rule.regex + "' is no regular expression: " + reason);
      if (!parseFormat(where, text.substr(equals + 1), rule.format))
        return false;
      spec.rules.push_back(std::move(rule));
    }
    spec.allowRequantize = flags.allowRequantize;
    return true;
  }

  /// What shapes integer formats must have one to shape.
  bool requireUse() {
    if (flags.allowRequantize && flags.precision.empty() && flags.rules.empty() && flags.embeddings.empty() &&
        flags.lmHead.empty())
      return fail("--allow-requantize says nothing without --precision, --precision-rule, --embeddings or --lm-head");
    if (saysIntegers)
      return true;
    const char *idle = !flags.block.empty()    ? "--block"
                       : !flags.scheme.empty() ? "--sym and --asym say"
                       : !flags.axis.empty()   ? "--axis"
                                               : nullptr;
    if (!idle)
      return true;
    std::string who = idle;
    return fail(who + (who.ends_with("say") ? "" : " says") +
                " nothing where neither int8 nor int4 is asked for; use --precision=int8, for example");
  }

  const PrecisionFlags &flags;
  int64_t block = kDefaultBlock;
  bool isRow = false;
  bool saysIntegers = false;
};

} // namespace

std::string PrecisionFlags::str() const {
  std::string text;
  auto add = [&](const char *flag, const std::string &value) {
    if (value.empty())
      return;
    bool isPlain = value.find_first_of(" ='\\()*|[]^$") == std::string::npos;
    text += (text.empty() ? "" : " ") + std::string(flag) + "=" + (isPlain ? value : "'" + value + "'");
  };
  add("--precision", precision);
  add("--block", block);
  if (!scheme.empty())
    text += (text.empty() ? "--" : " --") + scheme;
  add("--axis", axis);
  add("--embeddings", embeddings);
  add("--lm-head", lmHead);
  for (const std::string &rule : rules)
    add("--precision-rule", rule);
  if (allowRequantize)
    text += " --allow-requantize";
  return text;
}

std::optional<PrecisionSpec> PrecisionSpec::parse(const PrecisionFlags &flags, std::string *error) {
  PrecisionSpec spec;
  SpecParser parser(flags);
  if (parser.parse(spec))
    return spec;
  *error = parser.error;
  return std::nullopt;
}

bool PrecisionSpec::isAsIs() const {
  auto changes = [](const AskedFormat &format) { return format.kind != AskedFormat::Kind::AsIs; };
  return !changes(all) && !changes(embeddings) && !changes(lmHead) && rules.empty();
}

} // namespace phic
