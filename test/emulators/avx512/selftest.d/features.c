/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Prints the AVX-512 (and related) CPUID bits and whether the system enabled
 * the state: what a dispatcher in a program under test will see. */
#include <cpuid.h>
#include <stdio.h>
int main(void) {
  static const struct {
    const char *name;
    unsigned sub, reg, bit;
  } f[] = {{"avx2", 0, 1, 5},
           {"avx512f", 0, 1, 16},
           {"avx512dq", 0, 1, 17},
           {"avx512ifma", 0, 1, 21},
           {"avx512cd", 0, 1, 28},
           {"avx512bw", 0, 1, 30},
           {"avx512vl", 0, 1, 31},
           {"avx512vbmi", 0, 2, 1},
           {"avx512_vbmi2", 0, 2, 6},
           {"gfni", 0, 2, 8},
           {"vaes", 0, 2, 9},
           {"vpclmulqdq", 0, 2, 10},
           {"avx512_vnni", 0, 2, 11},
           {"avx512_bitalg", 0, 2, 12},
           {"avx512_vpopcntdq", 0, 2, 14},
           {"avx512_vp2intersect", 0, 3, 8},
           {"avx512_bf16", 1, 0, 5},
           {"avx512_fp16", 0, 3, 23},
           {"avx_vnni", 1, 0, 4},
           {"amx_bf16", 0, 3, 22},
           {"amx_tile", 0, 3, 24},
           {"amx_int8", 0, 3, 25}};
  unsigned r[2][4] = {{0}}, a, d;
  __get_cpuid_count(7, 0, &r[0][0], &r[0][1], &r[0][2], &r[0][3]);
  if (r[0][0] >= 1)
    __get_cpuid_count(7, 1, &r[1][0], &r[1][1], &r[1][2], &r[1][3]);
  for (unsigned i = 0; i < sizeof f / sizeof *f; i++)
    printf("%s %u\n", f[i].name, r[f[i].sub][f[i].reg] >> f[i].bit & 1);
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  printf("xcr0 0x%x\n", a);
  return 0;
}
