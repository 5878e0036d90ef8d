/*===- hide_avx512.c - A processor that seems to have no AVX-512 -*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Libraries that choose their code when they start can be timed as on an AVX2 machine: preloaded (LD_PRELOAD), this makes every cpuid of
// the process fault (arch_prctl, ARCH_SET_CPUID; Linux on processors that have cpuid_fault), and answers without AVX-512, AVX-VNNI
// and AMX. Programs that the process starts see the processor as it is. corpus_peers.py compiles and uses it.
//===----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { kSetCpuid = 0x1012 }; /* ARCH_SET_CPUID */

/* Bits of cpuid's leaf 7: avx512 f, dq, ifma, pf, er, cd, bw, vl; vbmi, vbmi2, vnni, bitalg, vpopcntdq; 4vnniw, 4fmaps, vp2intersect, */
/* amx and fp16; of its subleaf 1 avx-vnni, avx512-bf16, amx-fp16, avx-ifma, and all of edx. */
static const unsigned kEbx = 1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31;
static const unsigned kEcx = 1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14;
static const unsigned kEdx = 1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25;
static const unsigned kEax1 = 1u << 4 | 1u << 5 | 1u << 21 | 1u << 23;

static void answer(int signal_number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *instruction = (const unsigned char *)registers[REG_RIP];
  (void)info;
  if (instruction[0] != 0x0f || instruction[1] != 0xa2) { /* no cpuid: a fault of the program's own */
    signal(signal_number, SIG_DFL);
    return;
  }
  const unsigned leaf = (unsigned)registers[REG_RAX], subleaf = (unsigned)registers[REG_RCX];
  unsigned eax, ebx, ecx, edx;
  syscall(SYS_arch_prctl, kSetCpuid, 1);
  __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
  syscall(SYS_arch_prctl, kSetCpuid, 0);
  if (leaf == 7 && subleaf == 0)
    ebx &= ~kEbx, ecx &= ~kEcx, edx &= ~kEdx;
  if (leaf == 7 && subleaf == 1)
    eax &= ~kEax1, edx = 0;
  registers[REG_RAX] = eax, registers[REG_RBX] = ebx, registers[REG_RCX] = ecx, registers[REG_RDX] = edx;
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void hide(void) {
  struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, NULL);
  if (syscall(SYS_arch_prctl, kSetCpuid, 0) != 0) {
    fputs("[SKIP] this machine cannot hide parts of its processor\n", stderr);
    exit(77);
  }
}
