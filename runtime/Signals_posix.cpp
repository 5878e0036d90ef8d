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

// A signal's handler has no argument of ours: these are the program's, set once at start.
static void (*interruptHandler)();
static void (*missingPageHandler)();
static void (*endHandler)(int);

static void dispatch(int signal) {
  if (signal == SIGBUS)
    missingPageHandler();
  else if (signal == SIGINT && interruptHandler)
    interruptHandler();
  else
    endHandler(signal);
}

__attribute__((noinline)) static void handle(int signal, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

void onInterrupt(void (*handler)()) {
  interruptHandler = handler;
  handle(SIGINT, dispatch);
}

void onMissingPage(void (*handler)()) {
  missingPageHandler = handler;
  handle(SIGBUS, dispatch);
}

void onEnd(void (*handler)(int signal)) {
  endHandler = handler;
  constexpr uint8_t kEnds[] = {SIGINT, SIGTERM, SIGHUP};
#pragma clang loop unroll(disable)
  for (uint8_t signal : kEnds) {
    struct sigaction before;
    // What nohup has made ignored stays so.
    if (sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_IGN)
      handle(signal, dispatch);
  }
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
}

} // namespace phi::os
