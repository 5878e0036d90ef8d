//===- Real.cpp - Arithmetic of f32 and f64 ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include "Float.h"

namespace ptx {
namespace {

struct Add {
  template <class T> T operator()(T a, T b) const { return a + b; }
};
struct Sub {
  template <class T> T operator()(T a, T b) const { return a - b; }
};
struct Mul {
  template <class T> T operator()(T a, T b) const { return a * b; }
};
struct Div {
  template <class T> T operator()(T a, T b) const { return a / b; }
};
struct Fma {
  template <class T> T operator()(T a, T b, T c) const { return std::fma(a, b, c); }
};
struct Rcp {
  template <class T> T operator()(T a) const { return T(1) / a; }
};
struct Sqrt {
  template <class T> T operator()(T a) const { return std::sqrt(a); }
};
// What hardware approximates: computed in double, rounded once. A GPU's last bits may differ.
struct Rsqrt {
  template <class T> T operator()(T a) const { return T(1 / std::sqrt(double(a))); }
};
struct Ex2 {
  float operator()(float a) const { return float(std::exp2(double(a))); }
};
struct Lg2 {
  float operator()(float a) const { return float(std::log2(double(a))); }
};
struct Sin {
  float operator()(float a) const { return float(std::sin(double(a))); }
};
struct Cos {
  float operator()(float a) const { return float(std::cos(double(a))); }
};
struct Tanh {
  float operator()(float a) const { return float(std::tanh(double(a))); }
};
struct Abs {
  template <class T> T operator()(T a) const { return std::fabs(a); }
};
struct Neg {
  template <class T> T operator()(T a) const { return -a; }
};
struct CopySign { // of the first to the second
  template <class T> T operator()(T a, T b) const { return std::copysign(b, a); }
};

/// F with .ftz and .sat, and the one NaN.
template <class F, bool isFlush, bool isSaturate> struct Flagged {
  template <class T, class... S> T operator()(T a, S... rest) const {
    T result;
    if constexpr (isFlush)
      result = flushed(canonical(F()(flushed(a), flushed(rest)...)));
    else
      result = canonical(F()(a, rest...));
    return isSaturate ? saturate(result) : result;
  }
};

/// The same under another rounding, which Instruction::value names.
template <class F, class T, unsigned sources> void directed(Warp &warp, const Instruction &i) {
  warp.require(i.a), warp.require(i.b), warp.require(i.c);
  T result[32];
  std::fesetround(int(i.value));
  for (unsigned lane = 0; lane < 32; ++lane) {
    volatile T a = warp.lanes<T>(i.a)[lane], b = warp.lanes<T>(i.b)[lane], c = warp.lanes<T>(i.c)[lane];
    volatile T done;
    if constexpr (sources == 1)
      done = F()(T(a));
    else if constexpr (sources == 2)
      done = F()(T(a), T(b));
    else
      done = F()(T(a), T(b), T(c));
    result[lane] = done;
  }
  std::fesetround(FE_TONEAREST);
  blend(warp, i.d, result);
}

template <class F, class T, unsigned sources> Run oneRun() {
  if constexpr (sources == 1)
    return unary<F, T, T>;
  else if constexpr (sources == 2)
    return binary<F, T, T>;
  else
    return ternary<F, T, T>;
}

template <class F, class T, unsigned sources>
Run flaggedRun(Decoder &decoder, bool isFlush, bool isSaturate, Rounding rounding) {
  if (rounding != Rounding::nearest) {
    decoder.out.value = roundingMode(rounding);
    // Operands that are not there are read, too: as the first one.
    if (sources < 3)
      decoder.out.c = decoder.out.a;
    if (sources < 2)
      decoder.out.b = decoder.out.a;
    return isFlush ? (isSaturate ? directed<Flagged<F, true, true>, T, sources>
                                 : directed<Flagged<F, true, false>, T, sources>)
                   : (isSaturate ? directed<Flagged<F, false, true>, T, sources>
                                 : directed<Flagged<F, false, false>, T, sources>);
  }
  return isFlush ? (isSaturate ? oneRun<Flagged<F, true, true>, T, sources>()
                               : oneRun<Flagged<F, true, false>, T, sources>())
                 : (isSaturate ? oneRun<Flagged<F, false, true>, T, sources>()
                               : oneRun<Flagged<F, false, false>, T, sources>());
}

/// What a row of the table below says of its instruction's modifiers.
enum Modifiers : unsigned {
  mayRound = 1,
  mustRound = 2,
  mayFlush = 4,
  maySaturate = 8,
  approximate = 16,
  orApproximate = 32,
  orFull = 64
};

template <class F, unsigned sources, bool isSingleOnly = false> Run choose(Decoder &decoder, unsigned modifiers) {
  Type type = decoder.takeType();
  operandsOf(decoder, type, sources);
  bool isFlush = (modifiers & mayFlush) && type == Type::f32 && decoder.take("ftz");
  bool isSaturate = (modifiers & maySaturate) && type == Type::f32 && decoder.take("sat");
  int rounding = -1;
  if (modifiers & (mayRound | mustRound))
    rounding = decoder.takeOne({"rn", "rz", "rm", "rp"});
  if (rounding < 0) {
    bool isOther = ((modifiers & (approximate | orApproximate)) && decoder.take("approx")) ||
                   ((modifiers & orFull) && decoder.take("full"));
    if ((modifiers & (approximate | mustRound)) && !isOther)
      decoder.refuse("needs a rounding, or .approx");
  }
  if (type == Type::f32)
    return flaggedRun<F, float, sources>(decoder, isFlush, isSaturate, Rounding(std::max(rounding, 0)));
  if constexpr (!isSingleOnly)
    if (type == Type::f64)
      return flaggedRun<F, double, sources>(decoder, false, false, Rounding(std::max(rounding, 0)));
  return nullptr;
}

template <class F> Run chooseLimit(Decoder &decoder, unsigned) {
  return decoder.take("NaN") ? choose<Strict<F>, 2>(decoder, mayFlush) : choose<F, 2>(decoder, mayFlush);
}

/// abs, neg, copysign change a bit, whatever the rest says.
template <class F, unsigned sources> Run chooseSign(Decoder &decoder, unsigned) {
  Type type = decoder.takeType();
  operandsOf(decoder, type, sources);
  if (type == Type::f32 && sources == 1 && decoder.take("ftz"))
    return oneRun<Flagged<F, true, false>, float, sources>();
  return type == Type::f32 ? oneRun<F, float, sources>() : type == Type::f64 ? oneRun<F, double, sources>() : nullptr;
}

struct Row {
  const char *opcode;
  Run (*choose)(Decoder &decoder, unsigned modifiers);
  unsigned modifiers;
};
constexpr Row rows[] = {{"add", choose<Add, 2>, mayRound | mayFlush | maySaturate},
                        {"sub", choose<Sub, 2>, mayRound | mayFlush | maySaturate},
                        {"mul", choose<Mul, 2>, mayRound | mayFlush | maySaturate},
                        {"fma", choose<Fma, 3>, mustRound | mayFlush | maySaturate},
                        {"mad", choose<Fma, 3>, mustRound | mayFlush | maySaturate},
                        {"div", choose<Div, 2>, mustRound | mayFlush | orApproximate | orFull},
                        {"rcp", choose<Rcp, 1>, mustRound | mayFlush | orApproximate},
                        {"sqrt", choose<Sqrt, 1>, mustRound | mayFlush | orApproximate},
                        {"rsqrt", choose<Rsqrt, 1>, approximate | mayFlush},
                        {"ex2", choose<Ex2, 1, true>, approximate | mayFlush},
                        {"lg2", choose<Lg2, 1, true>, approximate | mayFlush},
                        {"sin", choose<Sin, 1, true>, approximate | mayFlush},
                        {"cos", choose<Cos, 1, true>, approximate | mayFlush},
                        {"tanh", choose<Tanh, 1, true>, approximate},
                        {"min", chooseLimit<FloatMin>, 0},
                        {"max", chooseLimit<FloatMax>, 0},
                        {"abs", chooseSign<Abs, 1>, 0},
                        {"neg", chooseSign<Neg, 1>, 0},
                        {"copysign", chooseSign<CopySign, 2>, 0}};

} // namespace

bool decodeReal(Decoder &decoder) {
  if (decoder.type != Type::f32 && decoder.type != Type::f64)
    return false;
  for (const Row &row : rows)
    if (decoder.is(row.opcode)) {
      decoder.out.run = row.choose(decoder, row.modifiers);
      return true;
    }
  return false;
}

} // namespace ptx
