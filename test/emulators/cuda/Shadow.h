//===- Shadow.h - Who touched a byte, and when ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For every four bytes of a range (for every byte, where somebody went by less) the last store and the loads since.
// Times are those of the storing CTA: they go up at each of its barriers and fences. What comes before what is decided
// by Order.h.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_SHADOW_H
#define PHIC_TEST_EMULATORS_CUDA_SHADOW_H

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace ptx {

struct Touched {
  bool isWritten = false;
  bool isStrong = false;   ///< the last store was volatile, relaxed or atomic: others like it may race with it
  bool isPending = false;  ///< a copy is under way to it
  bool isNobodys = false;  ///< between variables
  uint8_t warp = 0, lane = 0; ///< who stored
  uint8_t reader = 0;      ///< the lane that loaded last; 255: several
  uint32_t cta = 0, time = 0, line = 0;
  uint32_t readers = 0;    ///< warps that loaded since, as bits; `readTime` is the last one's
  uint32_t readTime = 0;
};

class Shadow {
public:
  explicit Shadow(uint32_t bytes) : words((bytes + 3) / 4) {}

  /// Calls `visit(Touched &)` for all that [at, at + bytes) covers.
  template <class Visit> void each(uint32_t at, uint32_t bytes, Visit &&visit) {
    if (((at | bytes) & 3) == 0 && halves.empty()) {
      for (uint32_t i = at / 4; i < (at + bytes) / 4; ++i)
        visit(words[i]);
      return;
    }
    for (uint32_t end = at + bytes; at < end;) {
      uint32_t step = std::min(4 - (at & 3), end - at);
      auto found = halves.find(at / 4);
      if (found == halves.end() && step == 4) {
        visit(words[at / 4]);
      } else {
        if (found == halves.end())
          found =
              halves.emplace(at / 4, std::array<Touched, 4>{words[at / 4], words[at / 4], words[at / 4], words[at / 4]})
                  .first;
        for (uint32_t i = at & 3; i < (at & 3) + step; ++i)
          visit(found->second[i]);
      }
      at += step;
    }
  }

private:
  std::vector<Touched> words;
  std::unordered_map<uint32_t, std::array<Touched, 4>> halves;
};

} // namespace ptx

#endif
