//===- Half.cpp - Arithmetic of f16 and bf16, one or two a register ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Apply.h"
#include "Float.h"

namespace ptx {
namespace {

constexpr Format formatOf(bool isBrain) { return isBrain ? brainFormat : halfFormat; }

// Sums and products of such floats are exact in double, or exact but for a last bit that tells what was lost.
struct Add {
  double operator()(double a, double b) const { return oddFma(a, b); }
};
struct Sub {
  double operator()(double a, double b) const { return oddFma(a, -b); }
};
struct Mul {
  double operator()(double a, double b) const { return a * b; }
};
struct Fma {
  double operator()(double a, double b, double c) const { return oddFma(a * b, c); }
};
struct FmaRelu {
  double operator()(double a, double b, double c) const { return FloatMax()(oddFma(a * b, c), 0.0); }
};
struct Ex2 {
  double operator()(double a) const { return std::exp2(a); }
};
struct Tanh {
  double operator()(double a) const { return std::tanh(a); }
};

double flushedHalf(double value) { return std::fabs(value) < 0x1p-14 ? std::copysign(0.0, value) : value; }

template <class F, bool isBrain, bool isFlush, bool isSaturate, class... S> uint16_t single(S... bits) {
  auto value = [](uint16_t one) {
    double wide = valueOf(one, formatOf(isBrain));
    return isFlush ? flushedHalf(wide) : wide;
  };
  double result = F()(value(bits)...);
  if (result != result)
    return isSaturate ? 0 : 0x7FFF;
  if (isSaturate)
    result = saturate(result);
  uint16_t rounded = roundTo(result, formatOf(isBrain));
  return isFlush && !(rounded & 0x7C00) ? rounded & 0x8000 : rounded;
}

/// F on each half of a register.
template <class F, bool isBrain, bool isFlush, bool isSaturate, class T> struct Each {
  template <class... S> T operator()(S... bits) const {
    T result = single<F, isBrain, isFlush, isSaturate>(uint16_t(bits)...);
    if constexpr (sizeof(T) == 4)
      result |= T(single<F, isBrain, isFlush, isSaturate>(uint16_t(bits >> 16)...)) << 16;
    return result;
  }
};

template <class F, bool isBrain, bool isFlush, bool isSaturate> Run runOf(Type type, unsigned sources) {
  bool isPair = type == Type::f16x2 || type == Type::bf16x2;
  using One = Each<F, isBrain, isFlush, isSaturate, uint16_t>;
  using Two = Each<F, isBrain, isFlush, isSaturate, uint32_t>;
  if constexpr (std::is_invocable_v<F, double>)
    return sources != 1 ? nullptr : isPair ? Run(unary<Two, uint32_t, uint32_t>) : Run(unary<One, uint16_t, uint16_t>);
  else if constexpr (std::is_invocable_v<F, double, double>)
    return sources != 2 ? nullptr
           : isPair     ? Run(binary<Two, uint32_t, uint32_t>)
                        : Run(binary<One, uint16_t, uint16_t>);
  else
    return sources != 3 ? nullptr
           : isPair     ? Run(ternary<Two, uint32_t, uint32_t>)
                        : Run(ternary<One, uint16_t, uint16_t>);
}

template <class F> Run choose(Decoder &decoder, unsigned sources) {
  Type type = decoder.takeType();
  operandsOf(decoder, type, sources);
  decoder.take("rn");
  bool isBrain = type == Type::bf16 || type == Type::bf16x2;
  bool isFlush = !isBrain && decoder.take("ftz"), isSaturate = !isBrain && decoder.take("sat");
  if (isBrain)
    return runOf<F, true, false, false>(type, sources);
  return isFlush
             ? (isSaturate ? runOf<F, false, true, true>(type, sources) : runOf<F, false, true, false>(type, sources))
             : (isSaturate ? runOf<F, false, false, true>(type, sources)
                           : runOf<F, false, false, false>(type, sources));
}

template <class F> Run chooseLimit(Decoder &decoder, unsigned sources) {
  return decoder.take("NaN") ? choose<Strict<F>>(decoder, sources) : choose<F>(decoder, sources);
}
Run chooseFma(Decoder &decoder, unsigned sources) {
  return decoder.take("relu") ? choose<FmaRelu>(decoder, sources) : choose<Fma>(decoder, sources);
}
template <class F> Run chooseApproximate(Decoder &decoder, unsigned sources) {
  decoder.need("approx");
  if (decoder.type == Type::bf16 || decoder.type == Type::bf16x2)
    decoder.take("ftz"); // bf16's ex2 has it always
  return choose<F>(decoder, sources);
}

template <class T, bool isNegation> struct Sign {
  static constexpr T bits = sizeof(T) == 4 ? 0x80008000u : 0x8000u;
  T operator()(T a) const { return isNegation ? a ^ bits : a & T(~bits); }
};
template <bool isNegation> Run chooseSign(Decoder &decoder, unsigned sources) {
  if (decoder.take("ftz"))
    decoder.refuse("not with .ftz");
  Type type = decoder.takeType();
  operandsOf(decoder, type, sources);
  return bytesOf(type) == 4 ? Run(unary<Sign<uint32_t, isNegation>, uint32_t, uint32_t>)
                            : Run(unary<Sign<uint16_t, isNegation>, uint16_t, uint16_t>);
}

struct Row {
  const char *opcode;
  unsigned sources;
  Run (*choose)(Decoder &decoder, unsigned sources);
};
constexpr Row rows[] = {{"add", 2, choose<Add>},
                        {"sub", 2, choose<Sub>},
                        {"mul", 2, choose<Mul>},
                        {"fma", 3, chooseFma},
                        {"min", 2, chooseLimit<FloatMin>},
                        {"max", 2, chooseLimit<FloatMax>},
                        {"abs", 1, chooseSign<false>},
                        {"neg", 1, chooseSign<true>},
                        {"ex2", 1, chooseApproximate<Ex2>},
                        {"tanh", 1, chooseApproximate<Tanh>}};

} // namespace

bool decodeHalf(Decoder &decoder) {
  if (decoder.type != Type::f16 && decoder.type != Type::f16x2 && decoder.type != Type::bf16 &&
      decoder.type != Type::bf16x2)
    return false;
  for (const Row &row : rows)
    if (decoder.is(row.opcode)) {
      decoder.out.run = row.choose(decoder, row.sources);
      return true;
    }
  return false;
}

} // namespace ptx
