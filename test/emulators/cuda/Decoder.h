//===- Decoder.h - One statement becomes an instruction ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the families of instructions are given: the words of an opcode ('add', 'sat', 's32') and its operands. A family
// takes each word that it knows and asks for its operands by type; what is left over in the end is refused by name.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_DECODER_H
#define PHIC_TEST_EMULATORS_CUDA_DECODER_H

#include "Program.h"
#include <functional>

namespace ptx {

struct Operand {
  enum class Kind { none, reg, special, integer, real, name, sink, list } kind = Kind::none;
  Slot reg;
  uint64_t bits = 0;
  uint8_t bytes = 0;          ///< of a real
  std::string name;           ///< a symbol, a label, a special register
  bool isAddress = false;     ///< in brackets, with `offset`
  bool isPair = false;        ///< a|b
  bool isNegated = false;     ///< !p
  int64_t offset = 0;
  std::vector<Operand> parts; ///< of {a, b} and a|b
};

class Decoder {
public:
  Decoder(Kernel &kernel, int line) : kernel(kernel), line(line) { out.line = line; }

  Kernel &kernel;
  int line;
  std::string text;                ///< the opcode with its modifiers
  std::string opcode;
  std::vector<std::string> words;  ///< the modifiers
  std::vector<Operand> operands;
  Type type = Type::none;          ///< the last modifier that is one
  Instruction out;
  std::function<Operand(const std::string &)> symbol; ///< the address of a variable, as an integer operand
  std::function<void(const std::string &)> branchTo;  ///< remembers that out.value is that label, or that table

  [[noreturn]] void refuse(const std::string &what) const { throw Refusal(line, text + ": " + what); }

  bool is(const char *name) const { return opcode == name; }
  /// Takes a modifier, if it is there.
  bool take(const std::string &word);
  void need(const std::string &word);
  /// Takes the first modifier that is a type.
  Type takeType();
  /// Takes whichever of the words is there; its place in the list, or -1.
  int takeOne(std::initializer_list<const char *> choices);
  std::string rest() const;

  size_t count() const { return operands.size(); }
  void expect(size_t least, size_t most);
  void expect(size_t exactly) { expect(exactly, exactly); }
  /// The place of operand `index`, which is a result; of its part when `part` >= 0. A wider register is taken only if `wider`.
  Slot target(const Operand &operand, Type type, bool wider = false);
  Slot target(size_t index, Type type) { return target(operands.at(index), type); }
  Slot source(const Operand &operand, Type type, bool wider = false);
  Slot source(size_t index, Type type) { return source(operands.at(index), type); }
  /// [base + offset]: the base, and `out.value` is the offset.
  Slot address(size_t index);
  /// The elements of {a, b, ...}, or the operand itself.
  std::vector<Operand> elements(size_t index) const;
  /// Lists slots in the kernel; where they begin.
  uint32_t list(const std::vector<Slot> &slots);
  Slot constant(uint64_t bits, unsigned bytes);
  /// An operand that must be an integer.
  int64_t immediate(size_t index);

  /// Whether the operand is !p, which only few may be.
  bool takeNegation(size_t index);

  void finish();

private:
  Slot specialRegister(const std::string &name);
};

/// A new place in a warp's file, of register `id`.
Slot place(Kernel &kernel, unsigned bytes, uint16_t id);

/// Each takes the statement if the opcode is one of its own; throws Refusal if the form is not.
bool decodeInteger(Decoder &decoder);
bool decodeBits(Decoder &decoder);
bool decodeReal(Decoder &decoder);
bool decodeHalf(Decoder &decoder);
bool decodeConvert(Decoder &decoder);
bool decodeMove(Decoder &decoder);
bool decodeLanes(Decoder &decoder);
bool decodeControl(Decoder &decoder);
bool decodeAccess(Decoder &decoder);
bool decodeAtomic(Decoder &decoder);
bool decodeMatrix(Decoder &decoder);
bool decodeAsyncCopy(Decoder &decoder);

/// Makes decoder.out of the statement.
void decode(Decoder &decoder);

} // namespace ptx

#endif
