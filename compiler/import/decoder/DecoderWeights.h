//===- DecoderWeights.h - A decoder's weights by their role ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the decoder builder asks a container: the weight of a role in a layer. A container whose weights are single tensors
// answers with TensorWeights; one whose weights are several tensors each writes this interface.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_DECODER_DECODERWEIGHTS_H
#define PHIC_COMPILER_IMPORT_DECODER_DECODERWEIGHTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace phic::decoder {

/// What a weight is to a decoder. Linear layers are [outputs, inputs].
enum class Role {
  Embedding, ///< [vocabulary, hidden]
  AttentionNorm,
  Query,
  Key,
  Value,
  QueryKeyValue, ///< their rows, one after the other
  AttentionOutput,
  FeedForwardNorm,
  Gate,
  Up,
  GateUp, ///< their rows, one after the other
  Down,
  OutputNorm,
  Head, ///< absent: the embedding is used
  RopeFactors, ///< divisors of the frequencies, floats
  ShortRopeFactors, ///< of LongRoPE, for sequences up to the original context
  LongRopeFactors,
};

enum class Part { Weight, Bias };

struct WeightId {
  Role role;
  int64_t layer = 0; ///< of roles that every layer has
  Part part = Part::Weight;
};

/// Rows [first, first + count) of a weight of `all` rows, where `all` is not 0.
struct RowRange {
  int64_t first = 0, all = 0;
};

class DecoderWeights {
public:
  virtual ~DecoderWeights() = default;

  virtual bool has(const WeightId &id) const = 0;
  /// Of a weight that is there: its shape; empty otherwise.
  virtual llvm::SmallVector<int64_t> shape(const WeightId &id) const = 0;
  /// A phiq.weight of that shape. Where it cannot be had the reason is noted, and a weight is made all the same, so that
  /// building can go on and find further reasons.
  virtual mlir::Value get(mlir::OpBuilder &builder, const WeightId &id, llvm::ArrayRef<int64_t> shape,
                          RowRange rows = {}) = 0;
  /// The numbers of a vector of `count` floats; empty where it is absent, or wrong, which is noted.
  virtual std::vector<float> numbers(const WeightId &id, int64_t count) = 0;

  /// As the checkpoint spells them, for locations and sentences: a role without its part, a weight, and what the names of
  /// a layer begin with.
  virtual std::string name(Role role, int64_t layer) const = 0;
  virtual std::string spelled(const WeightId &id) const = 0;
  virtual std::string layerPrefix(int64_t layer) const = 0;

  /// Notes why the model cannot be had; the same reason once.
  virtual void refuse(const llvm::Twine &reason) = 0;
  virtual llvm::ArrayRef<std::string> reasons() const = 0;
  /// Refuses weights that nobody asked for: they would change the model if they were passed over.
  virtual void refuseUnused() = 0;
};

} // namespace phic::decoder

#endif // PHIC_COMPILER_IMPORT_DECODER_DECODERWEIGHTS_H
