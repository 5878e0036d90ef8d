//===- KernelDriver.cpp - What runs kernels as a program -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A main for the one entry point that KernelProgram.cpp emits: reads its operands from
// one file and writes what it computed to another. Without standard streams, since
// musl's would ask for more than its own archive on ARM.
//===----------------------------------------------------------------------===//
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

extern "C" void phi_decode_kernels(const void *operands, void *results);

namespace {

bool readAll(int file, void *to, uint64_t bytes) {
  for (auto *p = static_cast<char *>(to); bytes > 0;) {
    ssize_t got = read(file, p, bytes);
    if (got <= 0)
      return false;
    p += got;
    bytes -= uint64_t(got);
  }
  return true;
}

bool writeAll(int file, const void *from, uint64_t bytes) {
  for (auto *p = static_cast<const char *>(from); bytes > 0;) {
    ssize_t put = write(file, p, bytes);
    if (put <= 0)
      return false;
    p += put;
    bytes -= uint64_t(put);
  }
  return true;
}

} // namespace

/// The first file begins with the bytes of the operands and of the results.
int main(int count, char **words) {
  uint64_t bytes[2];
  int in = count == 3 ? open(words[1], O_RDONLY) : -1;
  if (in < 0 || !readAll(in, bytes, sizeof(bytes)))
    return 1;
  void *operands = aligned_alloc(64, (bytes[0] + 63) / 64 * 64),
       *results = aligned_alloc(64, (bytes[1] + 63) / 64 * 64);
  if (!operands || !results || !readAll(in, operands, bytes[0]))
    return 2;
  phi_decode_kernels(operands, results);
  int out = open(words[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  return out < 0 || !writeAll(out, results, bytes[1]) ? 3 : 0;
}
