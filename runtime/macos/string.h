//===- string.h - What the runtime takes of libSystem's strings -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// There is no Apple SDK where programs for macOS are made: these are ISO C's declarations.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_MACOS_STRING_H
#define PHI_RUNTIME_MACOS_STRING_H

#include <stddef.h>

extern "C" {
int memcmp(const void *a, const void *b, size_t count);
void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
char *strchr(const char *text, int c);
int strcmp(const char *a, const char *b);
char *strerror(int code);
size_t strlen(const char *text);
char *strrchr(const char *text, int c);
}

#endif // PHI_RUNTIME_MACOS_STRING_H
