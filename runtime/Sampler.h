//===- Sampler.h - Chooses the next token ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a row of logits to one token id, in this order: repetition penalty,
// temperature, top-k, top-p (over what top-k left), min-p, draw. The same
// settings, seed and logits give the same ids on every machine: arithmetic is in
// double, without a libm, and random numbers are splitmix64's.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_SAMPLER_H
#define PHI_RUNTIME_SAMPLER_H

#include "Memory.h"
#include "phi/format.h"

namespace phi {

struct SamplerOptions {
  double temperature;        ///< 0: greedy, the token with the largest logit, the lowest id among equals
  double topP;               ///< 1: off
  double minP;               ///< 0: off
  int64_t topK;              ///< 0: off
  double repetitionPenalty;  ///< 1: off; over every token of the sequence
  uint64_t seed;
};

struct Candidate {
  float logit;
  int32_t id;
};

struct Sampler {
  SamplerOptions options;
  int64_t vocab;
  uint64_t random;         ///< splitmix64's state
  Candidate *candidates;   ///< [vocab]
  double *weights;         ///< [vocab]
  uint8_t *seen;           ///< [vocab] tokens of the sequence so far
};

/// What the model's authors advise; seed 0.
SamplerOptions defaultSampling(const phi_generation &generation);
void layoutSampler(Sampler *sampler, Layout *layout, int64_t vocab, const SamplerOptions &options);
/// Tells of tokens of the sequence that were not sampled here.
void noteTokens(Sampler *sampler, const int32_t *ids, int64_t count);
/// `logits` [vocab] may be overwritten. The token is noted.
int32_t sample(Sampler *sampler, float *logits);

/// e^x within 1e-10 relative, 0 below -700; x <= 0.
double expNegative(double x);
/// The next number of splitmix64 (Steele, Lea, Flood 2014).
uint64_t nextRandom(uint64_t *state);

} // namespace phi

#endif // PHI_RUNTIME_SAMPLER_H
