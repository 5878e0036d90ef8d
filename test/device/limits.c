// limits.c - Loops that only read, or only multiply. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For test/device/limits.cpp. Each stores something of what it computed, so that nothing is left out.
#define GLOBAL __attribute__((address_space(1)))
#define KERNEL __attribute__((device_kernel))
typedef unsigned Quad __attribute__((ext_vector_type(4)));

static unsigned thread(void) { return __nvvm_read_ptx_sreg_tid_x(); }
static unsigned long place(void) { return __nvvm_read_ptx_sreg_ctaid_x() * 256ul + thread(); }
static unsigned long places(void) { return __nvvm_read_ptx_sreg_nctaid_x() * 256ul; }

#ifndef TENSORS
// `count` runs of 16 bytes.
KERNEL void reads(GLOBAL const Quad *from, GLOBAL unsigned *to, unsigned long count) {
  Quad sum = 0;
#pragma clang loop unroll_count(8)
  for (unsigned long i = place(); i < count; i += places())
    sum += from[i];
  to[place()] = sum.x + sum.y + sum.z + sum.w;
}

// Of 8 accumulators.
KERNEL void dots(GLOBAL const unsigned *from, GLOBAL unsigned *to, unsigned long rounds) {
  unsigned a = from[0], sums[8];
  for (int i = 0; i < 8; ++i)
    sums[i] = from[1 + i];
  for (unsigned long round = 0; round < rounds; ++round)
    for (int i = 0; i < 8; ++i)
      asm volatile("dp4a.s32.s32 %0, %1, %2, %0;" : "+r"(sums[i]) : "r"(a), "r"(sums[(i + 1) & 7]));
  unsigned sum = 0;
  for (int i = 0; i < 8; ++i)
    sum ^= sums[i];
  to[place()] = sum;
}
#else
KERNEL void tensors(GLOBAL const unsigned *from, GLOBAL unsigned *to, unsigned long rounds) {
  unsigned a[4], b[2], c[4][4];
  for (int i = 0; i < 4; ++i)
    a[i] = from[i];
  b[0] = from[4], b[1] = from[5];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j)
      c[i][j] = from[j];
  for (unsigned long round = 0; round < rounds; ++round)
    for (int i = 0; i < 4; ++i)
      asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
                   "%1, %2, %3};"
                   : "+r"(c[i][0]), "+r"(c[i][1]), "+r"(c[i][2]), "+r"(c[i][3])
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  unsigned sum = 0;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j)
      sum ^= c[i][j];
  to[place()] = sum;
}
#endif
