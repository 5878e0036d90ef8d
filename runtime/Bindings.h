//===- Bindings.h - What an entry reads, writes and keeps ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of the bindings of phi/format.h.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_BINDINGS_H
#define PHI_RUNTIME_BINDINGS_H

#include "phi/format.h"

namespace phi {

inline uint64_t elementBytes(uint32_t element) {
  constexpr uint8_t kBytes[] = {4, 2, 1, 1, 4, 8, 1};  // in the order of phi_element
  return kBytes[element];
}

/// A KV cache: its size depends on the session, and steps change it in place.
inline bool isCache(const phi_binding &binding) {
  return binding.kind == PHI_STATE && binding.rank > 0 && binding.shape[0] == PHI_DIM_CONTEXT;
}

/// The binding of this kind that has this first dimension; nullptr: none. Tokens or what stands for them are the input of
/// PHI_DIM_ROWS, logits the result of PHI_DIM_LOGIT_ROWS, the KV caches the state of PHI_DIM_CONTEXT.
inline const phi_binding *findBinding(const phi_model &model, uint32_t kind, int64_t dimension) {
  const phi_entry_desc &entry = model.entries[0]; // a decoder's have the same
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    if (entry.bindings[i].kind == kind && entry.bindings[i].rank && entry.bindings[i].shape[0] == dimension)
      return &entry.bindings[i];
  return nullptr;
}

/// Where the KV caches are; nullptr: there are none.
inline uint8_t *cachesOf(const phi_model &model, const phi_frame &frame) {
  const phi_binding *caches = findBinding(model, PHI_STATE, PHI_DIM_CONTEXT);
  return caches ? frame.bindings[caches->slot] : nullptr;
}

/// Elements for one row of a step; all of them where no dimension is open.
inline uint64_t elementsOf(const phi_binding &binding) {
  uint64_t count = 1;
  for (uint32_t i = 0; i < binding.rank; ++i)
    count *= binding.shape[i] < 0 ? 1 : uint64_t(binding.shape[i]);
  return count;
}

/// Of one whose shape is known.
inline uint64_t bytesOf(const phi_binding &binding) { return elementsOf(binding) * elementBytes(binding.element); }

/// Bytes that this step reads or writes.
inline uint64_t bytesInStep(const phi_binding &binding, const phi_frame &frame) {
  uint64_t bytes = bytesOf(binding);
  if (binding.rank == 0 || binding.shape[0] >= 0)
    return bytes;
  int64_t first = binding.shape[0];
  return bytes * uint64_t(first == PHI_DIM_ROWS         ? frame.rows
                          : first == PHI_DIM_LOGIT_ROWS ? frame.rows - frame.logit_row0
                                                        : frame.context);
}

} // namespace phi

#endif // PHI_RUNTIME_BINDINGS_H
