//===- Sampler.cpp - Chooses the next token ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary is never sorted as a whole: top-k keeps the best k in a heap,
// top-p takes the best one by one from a heap of those that can matter.
//===----------------------------------------------------------------------===//
#include "Sampler.h"

#include <string.h>

namespace phi {

double expNegative(double x) {
  if (!(x > -700))
    return 0;
  // e^x = 2^n * e^r with |r| <= ln(2)/2, ln(2) in two parts so that r loses nothing.
  constexpr double kLog2E = 1.4426950408889634, kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;
  auto n = int64_t(x * kLog2E - 0.5);
  double r = (x - double(n) * kLn2High) - double(n) * kLn2Low;
  constexpr double kTaylor[] = {1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120,
                                1.0 / 24,     1.0 / 6,     0.5,        1,         1};
  double sum = 0;
  for (double coefficient : kTaylor)
    sum = sum * r + coefficient;
  uint64_t bits = uint64_t(n + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof(power));
  return sum * power;
}

uint64_t nextRandom(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

namespace {

/// Larger logit first, lower id among equals: a total order, so that no choice depends on a heap's shape.
bool better(const Candidate &a, const Candidate &b) { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

/// Moves candidates[at] down until no child stands before it. The root is the best one, or with `worstFirst` the worst.
void siftDown(Candidate *heap, int64_t count, int64_t at, bool worstFirst) {
  Candidate moved = heap[at];
  for (int64_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && better(heap[child + 1], heap[child]) != worstFirst)
      ++child;
    if (better(heap[child], moved) == worstFirst)
      break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

void makeHeap(Candidate *heap, int64_t count, bool worstFirst) {
  for (int64_t at = count / 2; at-- > 0;)
    siftDown(heap, count, at, worstFirst);
}

float largest(const float *logits, int64_t count) {
  typedef float Lanes __attribute__((vector_size(16), aligned(4)));
  float best = -__builtin_inff();
  Lanes lanes = {best, best, best, best};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    Lanes next;
    memcpy(&next, logits + i, sizeof(next));
    lanes = next > lanes ? next : lanes;
  }
  for (int lane = 0; lane < 4; ++lane)
    best = lanes[lane] > best ? lanes[lane] : best;
  for (; i < count; ++i)
    best = logits[i] > best ? logits[i] : best;
  return best;
}

int32_t greedy(const float *logits, int64_t vocab) {
  float best = largest(logits, vocab);
  for (int64_t i = 0; i < vocab; ++i)
    if (logits[i] == best)
      return int32_t(i);
  return 0; // not-a-number everywhere
}

/// Keras's rule, which all later tools copied: a positive logit is divided, a negative one multiplied.
void penalize(const Sampler &sampler, float *logits) {
  auto penalty = float(sampler.options.repetitionPenalty);
  for (int64_t i = 0; i < sampler.vocab; ++i)
    if (sampler.seen[i])
      logits[i] = logits[i] > 0 ? logits[i] / penalty : logits[i] * penalty;
}

/// The best k, best first. Returns how many.
int64_t selectTopK(Candidate *best, int64_t k, const float *logits, int64_t vocab) {
  int64_t count = k < vocab ? k : vocab;
  for (int64_t i = 0; i < count; ++i)
    best[i] = {logits[i] == logits[i] ? logits[i] : -__builtin_inff(),
               int32_t(i)}; // a number: others cannot be ordered
  makeHeap(best, count, /*worstFirst=*/true);
  for (int64_t i = count; i < vocab; ++i) {
    Candidate next = {logits[i], int32_t(i)};
    if (!better(next, best[0]))
      continue;
    best[0] = next;
    siftDown(best, count, 0, /*worstFirst=*/true);
  }
  for (int64_t last = count - 1; last > 0; --last) {
    Candidate worst = best[0];
    best[0] = best[last];
    best[last] = worst;
    siftDown(best, last, 0, /*worstFirst=*/true);
  }
  return count;
}

/// A softmax over candidates, not divided by its sum.
struct CandidateWeights {
  double scale; ///< 1 / temperature
  float best; ///< the largest logit: its weight is 1
  /// The largest are equally likely whatever the scale, also where they or the scale are infinite; what is no number never is.
  double of(float logit) const { return logit == best ? 1 : expNegative((double(logit) - double(best)) * scale); }
};

/// Best candidates, best first, until their weights reach topP of the whole. `each` [vocab] is work memory.
int64_t selectTopP(Candidate *candidates, double *each, double topP, const float *logits, int64_t vocab,
                   CandidateWeights weights) {
  double total = 0;
  for (int64_t i = 0; i < vocab; ++i)
    total += each[i] = weights.of(logits[i]);
  // All tokens below this weight together are less than what top-p leaves out.
  double least = (1 - topP) * total / double(vocab);
  int64_t count = 0;
  for (int64_t i = 0; i < vocab; ++i)
    if (each[i] >= least)
      candidates[count++] = {logits[i], int32_t(i)};
  makeHeap(candidates, count, /*worstFirst=*/false);
  // The heap shrinks from the end, where the chosen ones are put: reversed below.
  int64_t left = count;
  for (double sum = 0; left > 0 && (sum < topP * total || left == count);) {
    Candidate best = candidates[0];
    sum += each[best.id];
    candidates[0] = candidates[--left];
    candidates[left] = best;
    siftDown(candidates, left, 0, /*worstFirst=*/false);
  }
  int64_t chosen = count - left;
  for (int64_t i = 0; i < chosen / 2; ++i) {
    Candidate swapped = candidates[left + i];
    candidates[left + i] = candidates[count - 1 - i];
    candidates[count - 1 - i] = swapped;
  }
  memmove(candidates, candidates + left, size_t(chosen) * sizeof(Candidate));
  return chosen;
}

/// The shortest prefix of candidates (best first) whose weights reach topP of their sum.
int64_t cutTopP(const Candidate *candidates, int64_t count, double topP, CandidateWeights weights) {
  double total = 0, sum = 0;
  for (int64_t i = 0; i < count; ++i)
    total += weights.of(candidates[i].logit);
  for (int64_t i = 0; i < count; ++i)
    if ((sum += weights.of(candidates[i].logit)) >= topP * total)
      return i + 1;
  return count;
}

int64_t selectCandidates(Sampler *sampler, const float *logits, CandidateWeights weights) {
  const SamplerOptions &options = sampler->options;
  Candidate *candidates = sampler->candidates;
  int64_t count = sampler->vocab;
  if (options.topK > 0 && options.topK < sampler->vocab) {
    count = selectTopK(candidates, options.topK, logits, sampler->vocab);
    if (options.topP < 1)
      count = cutTopP(candidates, count, options.topP, weights);
  } else if (options.topP < 1) {
    count = selectTopP(candidates, sampler->weights, options.topP, logits, sampler->vocab, weights);
  } else {
    for (int64_t i = 0; i < count; ++i)
      candidates[i] = {logits[i], int32_t(i)};
  }
  if (options.minP <= 0)
    return count;
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i)
    if (weights.of(candidates[i].logit) >= options.minP)
      candidates[kept++] = candidates[i];
  return kept;
}

int32_t draw(Sampler *sampler, const float *logits) {
  CandidateWeights weights = {1 / sampler->options.temperature, largest(logits, sampler->vocab)};
  if (weights.best == -__builtin_inff()) // nothing is likelier than anything else
    return greedy(logits, sampler->vocab);
  int64_t count = selectCandidates(sampler, logits, weights);
  double total = 0;
  for (int64_t i = 0; i < count; ++i)
    total += sampler->weights[i] = weights.of(sampler->candidates[i].logit);
  // 53 bits: a double in [0, 1).
  double point = double(nextRandom(&sampler->random) >> 11) * 0x1p-53 * total;
  for (int64_t i = 0; i + 1 < count; ++i)
    if ((point -= sampler->weights[i]) < 0)
      return sampler->candidates[i].id;
  return sampler->candidates[count - 1].id;
}

} // namespace

SamplerOptions defaultSampling(const phi_generation &generation) {
  SamplerOptions sampler = {};
  sampler.temperature = double(generation.temperature);
  sampler.topP = double(generation.top_p);
  sampler.minP = double(generation.min_p);
  sampler.topK = generation.top_k;
  sampler.repetitionPenalty = double(generation.repetition_penalty);
  return sampler;
}

void layoutSampler(Sampler *sampler, Layout *layout, int64_t vocab, const SamplerOptions &options) {
  sampler->options = options;
  sampler->vocab = vocab;
  sampler->random = options.seed;
  sampler->candidates = layout->take<Candidate>(uint64_t(vocab));
  sampler->weights = layout->take<double>(uint64_t(vocab));
  sampler->seen = layout->take<uint8_t>(uint64_t(vocab));
}

void noteTokens(Sampler *sampler, const int32_t *ids, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    sampler->seen[ids[i]] = 1;
}

int32_t sample(Sampler *sampler, float *logits) {
  if (sampler->options.repetitionPenalty != 1)
    penalize(*sampler, logits);
  int32_t id = sampler->options.temperature > 0 ? draw(sampler, logits) : greedy(logits, sampler->vocab);
  sampler->seen[id] = 1;
  return id;
}

} // namespace phi
