// kernels.c - What the fake models do on a GPU. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FakeModel.h's stages as kernels: the first parameter is the step's frame, then come the stage's arguments. Each thing
// that a kernel is given is used, so that a wrong address shows.
#define GLOBAL __attribute__((address_space(1)))
#define KERNEL __attribute__((device_kernel))

typedef struct {
  long weights, arena, bindings, rows, past, total, context, logit_row0, scheduler, scratch;
} Frame;

static long table(GLOBAL const Frame *frame) { return frame->total > 40 ? 1000 : 1; }
static unsigned thread(void) { return __nvvm_read_ptx_sreg_tid_x(); }
static unsigned row(void) { return __nvvm_read_ptx_sreg_ctaid_y(); }

// A CTA a row, which one thread does. `one` and `last` are weights of 1.
KERNEL void remember(GLOBAL const Frame *frame, GLOBAL const int *tokens, GLOBAL long *cache, GLOBAL const int *one,
                     GLOBAL const int *last, GLOBAL int *arena) {
  if (thread())
    return;
  arena[row()] = tokens[row()] * *one;
  cache[frame->past + row()] = arena[row()] * table(frame) * *last;
}

// A CTA a row of logits, a thread a logit. The workspace is zero before and after.
KERNEL void predict(GLOBAL const Frame *frame, GLOBAL float *logits, GLOBAL const long *cache, GLOBAL int *workspace) {
  const long vocab = 97;
  long sum = 0;
  for (long at = 0; at <= frame->past + frame->logit_row0 + row(); ++at)
    sum += cache[at] % table(frame) == 0 ? cache[at] / table(frame) : 0;
  if (thread() < vocab)
    logits[row() * vocab + thread()] = sum % vocab == thread();
  if (thread() == 0) {
    GLOBAL int *mine = workspace + row();
    if (*mine)
      logits[row() * vocab] = 2; // more than any
    *mine += 1;
    *mine = 0;
  }
}

// A graph of one run: y = x * 2 + s, and the next s is x + s, of so many numbers.
KERNEL void advance(GLOBAL const Frame *frame, GLOBAL const float *x, GLOBAL const float *state, GLOBAL float *y,
                    GLOBAL float *next) {
  y[thread()] = x[thread()] * 2 + state[thread()];
  next[thread()] = x[thread()] + state[thread()];
}
