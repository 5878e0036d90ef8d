//===- PrecisionSpec.h - What precision a user asks for --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words of `--precision` and its companions, and what they mean. Parsed twice:
// by the command line, so that a mistake is one of use, and by the pass.
// No MLIR in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_PRECISION_PRECISIONSPEC_H
#define PHIC_PASSES_PRECISION_PRECISIONSPEC_H

#include "dialects/phiq/Formats.h"

namespace phic {

/// The flags as they are written; empty is what nobody has said.
struct PrecisionFlags {
  std::string precision;           ///< --precision: as-is (default), fp32, fp16, bf16, int8, int4
  std::string block;               ///< --block: 32 (default), another multiple of 16 up to 256, or row
  std::string scheme;              ///< --sym (default) or --asym: sym, asym
  std::string axis;                ///< --axis: k (default), the axis that blocks run along
  std::string embeddings;          ///< --embeddings: auto (default), same, or a format
  std::string lmHead;              ///< --lm-head: the same
  std::vector<std::string> rules;  ///< --precision-rule: REGEX=FORMAT, the last that matches wins
  bool allowRequantize = false;    ///< --allow-requantize
  /// As a command line would say it: `--precision=int4 --precision-rule='lm_head=int8'`; empty where nothing is said.
  std::string str() const;
  bool operator==(const PrecisionFlags &) const = default;
};

/// A format asked for, of a weight whose K is known later.
struct AskedFormat {
  enum class Kind : uint8_t { AsIs, Float, Block };
  Kind kind = Kind::AsIs;
  Scalar element = Scalar::F32; ///< Float
  BlockFormat block; ///< Block
  bool isRow = false; ///< Block: one block a row, `block.block` is set from K
  bool isWidth = false; ///< Block: asked for by width (int4), which any codes of that width satisfy
};

struct PrecisionRule {
  std::string text; ///< as written, for diagnostics
  std::string regex; ///< POSIX extended, searched for in a weight's name
  AskedFormat format;
};

struct PrecisionSpec {
  AskedFormat all;
  AskedFormat embeddings, lmHead; ///< auto is resolved
  bool embeddingsGiven = false, lmHeadGiven = false;
  std::vector<PrecisionRule> rules;
  bool allowRequantize = false;

  /// What flags mean; empty, with a reason that names the flag, when they mean nothing.
  static std::optional<PrecisionSpec> parse(const PrecisionFlags &flags, std::string *error);
  /// Whether no weight can change.
  bool isAsIs() const;
};

} // namespace phic

#endif // PHIC_PASSES_PRECISION_PRECISIONSPEC_H
