//===- Front.cpp - What a program on Linux does first ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of a static program: once the image is known to be whole, the addresses in it are made those of this process and closed
// to writing, and the C library starts.
//===----------------------------------------------------------------------===//
#include "runtime/Front.h"

#pragma GCC visibility push(hidden)
extern "C" {
extern const uint64_t phi_relr_begin[], phi_relr_end[];
void phi_front(uint64_t *stack);
}
#pragma GCC visibility pop

namespace {

#if defined(__x86_64__)
__asm__(".pushsection .text.phi_start,\"ax\",@progbits\n"
        ".globl phi_start\n.hidden phi_start\n"
        "phi_start:\n"
        "  mov %rsp, %rdi\n"
        "  call phi_front\n"
        "  xor %edx, %edx\n"
        "  jmp _start\n"
        ".popsection");
#elif defined(__aarch64__)
__asm__(".pushsection .text.phi_start,\"ax\",@progbits\n"
        ".globl phi_start\n.hidden phi_start\n"
        "phi_start:\n"
        "  mov x0, sp\n"
        "  bl phi_front\n"
        "  b _start\n"
        ".popsection");
#endif

/// Adds the image's address to the pointers in it: words one by one, or marked by the 63 bits of another.
void relocate(uint64_t address) {
  uint64_t *next = nullptr;
  for (const uint64_t *entry = phi_relr_begin; entry < phi_relr_end; ++entry) {
    if (*entry & 1) {
      uint64_t *word = next;
      for (uint64_t marks = *entry >> 1; marks; marks >>= 1, ++word)
        if (marks & 1)
          *word += address;
      next += 63;
    } else {
      next = reinterpret_cast<uint64_t *>(address + *entry);
      *next++ += address;
    }
  }
}

} // namespace

void phi_front(uint64_t *stack) {
  checkImage();
  relocate(reinterpret_cast<uint64_t>(__ehdr_start));
  closeConstants(pageBytes(stack));
}
