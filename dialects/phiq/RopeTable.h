//===- RopeTable.h - Cosines and sines of rotary embedding -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of a `phiq.rope_table`. The interpreter and the weight packer
// call this one function, so that a program's table is the interpreter's.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ROPETABLE_H
#define PHIC_DIALECTS_PHIQ_ROPETABLE_H

#include <cstdint>

namespace phic {
namespace phiq {
class RopeTableOp;
}

/// Rows (positions) [p0, p0 + count) of the table: values [count, rotary_dim / 2].
void ropeTableRows(phiq::RopeTableOp op, int64_t p0, int64_t count, float *values);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ROPETABLE_H
