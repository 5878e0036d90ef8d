//===- Signals_posix.cpp - Signals of a program ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For programs only: a library leaves the process's signals alone, and has no
// globals such as these.
//===----------------------------------------------------------------------===//
#include "Os.h"
#include "Posix.h"

#include <string.h>

namespace phi::os {

// A signal's handler has no argument of ours: these two are the program's, set once at start.
static void (*interruptHandler)();
static void (*missingPageHandler)();

static void onSignal(int signal, void (**slot)(), void (*handler)(), void (*trampoline)(int)) {
  *slot = handler;
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = trampoline;
  sigaction(signal, &action, nullptr);
}

void onInterrupt(void (*handler)()) {
  onSignal(SIGINT, &interruptHandler, handler, [](int) { interruptHandler(); });
}

void onMissingPage(void (*handler)()) {
  onSignal(SIGBUS, &missingPageHandler, handler, [](int) { missingPageHandler(); });
}

} // namespace phi::os
