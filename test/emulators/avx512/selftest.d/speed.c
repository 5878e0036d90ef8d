/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* speed KIND COUNT: about COUNT instructions of a kind; natively or emulated. */
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "scalar";
  long n = argc > 2 ? atol(argv[2]) / 10 : 100000;
  struct timespec a, b;
  static char memory[1024] __attribute__((aligned(64)));
  clock_gettime(CLOCK_MONOTONIC, &a);
#define LOOP(body)                                                                                                     \
  __asm__ volatile(".balign 16\n1:\n" body "dec %0\njnz 1b\n"                                                          \
                   : "+r"(n)                                                                                           \
                   : "r"(memory)                                                                                       \
                   : "memory", "cc", "rax", "rbx", "rcx", "rsi")
  if (!strcmp(kind, "scalar"))
    LOOP("add $1,%%rax\nadd $3,%%rbx\nadd $1,%%rcx\nadd $3,%%rsi\nadd $1,%%rax\nadd $3,%%rbx\nadd $1,%%rcx\nadd "
         "$3,%%rsi\n");
  else if (!strcmp(kind, "paddd"))
    LOOP("vpaddd %%zmm0,%%zmm1,%%zmm2\nvpaddd %%zmm0,%%zmm1,%%zmm3\nvpaddd %%zmm0,%%zmm1,%%zmm4\nvpaddd "
         "%%zmm0,%%zmm1,%%zmm5\n"
         "vpaddd %%zmm0,%%zmm1,%%zmm6\nvpaddd %%zmm0,%%zmm1,%%zmm7\nvpaddd %%zmm0,%%zmm1,%%zmm8\nvpaddd "
         "%%zmm0,%%zmm1,%%zmm9\n");
  else if (!strcmp(kind, "dpbusd"))
    LOOP("vpdpbusd %%zmm0,%%zmm1,%%zmm2\nvpdpbusd %%zmm0,%%zmm1,%%zmm3\nvpdpbusd %%zmm0,%%zmm1,%%zmm4\nvpdpbusd "
         "%%zmm0,%%zmm1,%%zmm5\n"
         "vpdpbusd %%zmm0,%%zmm1,%%zmm6\nvpdpbusd %%zmm0,%%zmm1,%%zmm7\nvpdpbusd %%zmm0,%%zmm1,%%zmm8\nvpdpbusd "
         "%%zmm0,%%zmm1,%%zmm9\n");
  else if (!strcmp(kind, "fmaps")) {
    float one[16];
    for (int i = 0; i < 16; i++)
      one[i] = 1 + i / 7.0f;
    __asm__ volatile("vmovups (%0),%%zmm0\nvmovups (%0),%%zmm1" : : "r"(one) : "memory");
    LOOP("vfmadd231ps %%zmm0,%%zmm1,%%zmm2\nvfmadd231ps %%zmm0,%%zmm1,%%zmm3\nvfmadd231ps "
         "%%zmm0,%%zmm1,%%zmm4\nvfmadd231ps %%zmm0,%%zmm1,%%zmm5\n"
         "vfmadd231ps %%zmm0,%%zmm1,%%zmm6\nvfmadd231ps %%zmm0,%%zmm1,%%zmm7\nvfmadd231ps "
         "%%zmm0,%%zmm1,%%zmm8\nvfmadd231ps %%zmm0,%%zmm1,%%zmm9\n");
  } else if (!strcmp(kind, "load"))
    LOOP("vmovups (%1),%%zmm2\nvmovups 64(%1),%%zmm3\nvmovups 128(%1),%%zmm4\nvmovups 192(%1),%%zmm5\n"
         "vmovups %%zmm6,256(%1)\nvmovups %%zmm7,320(%1)\nvmovups %%zmm8,384(%1)\nvmovups %%zmm9,448(%1)\n");
  else
    return 2;
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%s %.4f\n", kind, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) * 1e-9);
  return 0;
}
