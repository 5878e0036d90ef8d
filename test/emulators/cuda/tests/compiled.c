// compiled.c - Kernels that clang makes PTX of. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CompiledTest.cpp says what each computes, and compares.
#define GLOBAL __attribute__((address_space(1)))
#define SHARED __attribute__((address_space(3)))
#define KERNEL __attribute__((device_kernel))

static SHARED float perWarp[4];

static unsigned thread(void) { return __nvvm_read_ptx_sreg_tid_x(); }
static unsigned cta(void) { return __nvvm_read_ptx_sreg_ctaid_x(); }

// Rows of n floats, one a CTA of 128 threads.
KERNEL void softmax(GLOBAL const float *x, GLOBAL float *y, long n) {
  unsigned t = thread();
  x += cta() * n, y += cta() * n;
  float most = -__builtin_inff(), sum = 0;
  for (long i = t; i < n; i += 128)
    most = __builtin_fmaxf(most, x[i]);
  for (int by = 16; by; by >>= 1)
    most = __builtin_fmaxf(most, __nvvm_shfl_sync_bfly_f32(-1, most, by, 31));
  if (!(t & 31))
    perWarp[t >> 5] = most;
  __syncthreads();
  most = __builtin_fmaxf(__builtin_fmaxf(perWarp[0], perWarp[1]), __builtin_fmaxf(perWarp[2], perWarp[3]));
  for (long i = t; i < n; i += 128)
    sum += y[i] = __nvvm_ex2_approx_f((x[i] - most) * 1.44269504f);
  for (int by = 16; by; by >>= 1)
    sum += __nvvm_shfl_sync_bfly_f32(-1, sum, by, 31);
  __syncthreads();
  if (!(t & 31))
    perWarp[t >> 5] = sum;
  __syncthreads();
  sum = perWarp[0] + perWarp[1] + perWarp[2] + perWarp[3];
  for (long i = t; i < n; i += 128)
    y[i] /= sum;
}

// Rows of 32 floats to bytes, one a thread; through an array in local memory, with a scale that a switch chooses.
KERNEL void quantize(GLOBAL const float *x, GLOBAL signed char *q, GLOBAL unsigned short *scales, long mode) {
  unsigned row = cta() * 32 + thread();
  float local[32], scale = 0;
  for (int i = 0; i < 32; ++i) {
    local[(i * 7) & 31] = x[row * 32 + ((i * 7) & 31)];
    scale = __builtin_fmaxf(scale, __builtin_fabsf(x[row * 32 + i]));
  }
  switch (mode) {
  case 0:
    scale /= 127.f;
    break;
  case 1:
    scale /= 64.f;
    break;
  case 2:
    scale = 1;
    break;
  case 3:
    scale *= 2;
    break;
  case 4:
    scale = __builtin_sqrtf(scale);
    break;
  default:
    scale = 3;
  }
  float inverse = scale ? 1.0f / scale : 0;
  int first = (int)(mode * 5) & 31;
  for (int i = 0; i < 32; ++i) {
    int value = (int)__builtin_rintf(local[(i + first) & 31] * inverse);
    q[row * 32 + ((i + first) & 31)] = value < -128 ? -128 : value > 127 ? 127 : value;
  }
  _Float16 half = scale;
  scales[row] = __builtin_bit_cast(unsigned short, half);
}

// Many integer operations of one number a lane.
KERNEL void mix(GLOBAL const long *x, GLOBAL long *y, long n) {
  long v = x[thread()];
  unsigned low = v;
  y[thread()] = v / (n + 3) + v % 1000 * 3 - (v >> 5) + low / 7u + __builtin_popcountll(v) + __builtin_clz(low | 1) +
                __builtin_bitreverse32(low) + (long)(double)v + (v > 100 ? (signed char)v : (unsigned short)v) +
                __builtin_rotateleft32(low, 5) + __builtin_rotateright64(v, n);
}
