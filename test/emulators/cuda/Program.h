//===- Program.h - A module of PTX, decoded ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser makes of PTX text, and what warps execute: kernels as arrays of instructions whose operands are places
// in a warp's register file. A place holds 32 lanes side by side (a predicate: one bit a lane); constants and special
// registers have places, too, which are filled when a warp starts.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_PROGRAM_H
#define PHIC_TEST_EMULATORS_CUDA_PROGRAM_H

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ptx {

enum class Type : uint8_t {
  none,
  b8,
  b16,
  b32,
  b64,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  f16x2,
  bf16,
  bf16x2,
  f32,
  f64,
  pred
};
unsigned bytesOf(Type type);
bool isSigned(Type type);
bool isFloat(Type type);
/// The type of that name without its dot, or none.
Type typeNamed(const std::string &name);

enum class Space : uint8_t { generic, global, constant, shared, local, param };

/// PTX that the emulator does not take: what and where.
struct Refusal : std::runtime_error {
  Refusal(int line, const std::string &what) : std::runtime_error(what), line(line) {}
  int line;
};

/// Where a register's lanes are in a warp's file. `id` counts registers: a warp has a mask of the lanes that hold something
/// for each. Register 0 stands for constants.
struct Slot {
  uint32_t at = 0;
  uint16_t id = 0;
  uint16_t bytes = 0; ///< of a lane; 0: a predicate
};

class Warp;
struct Instruction;
using Run = void (*)(Warp &, const Instruction &);

struct Instruction {
  Run run = nullptr;
  Slot d, e, a, b, c; ///< results and sources
  Slot guard; ///< the predicate of @p
  bool guarded = false, unless = false;
  bool isVolatile = false; ///< memory: an access that others may race with (volatile, relaxed, atomic)
  bool acquire = false, release = false;
  bool onlyCta = false; ///< a fence or an atomic of scope .cta
  uint8_t count = 1; ///< elements of a vector
  Space space = Space::generic;
  Type type = Type::none, from = Type::none;
  uint32_t first = 0; ///< where its list of slots begins in Kernel::lists
  uint32_t line = 0; ///< of the text
  int64_t value = 0; ///< an offset, a target, a table: the instruction's own
};

/// A variable of a module or a kernel.
struct Variable {
  std::string name;
  Space space = Space::global;
  uint64_t bytes = 0, align = 1;
  bool isExternal = false; ///< .extern .shared: as long as the launch says
  std::vector<uint8_t> initial;
  uint64_t address = 0; ///< of a global: set when the module is loaded; else an offset in its space
};

struct Parameter {
  std::string name;
  uint32_t bytes = 0, align = 1, offset = 0;
};

struct Kernel {
  std::string name;
  std::vector<Parameter> parameters;
  uint32_t parameterBytes = 0;
  std::vector<Instruction> code;
  std::vector<std::string> texts; ///< of each instruction, for messages
  std::vector<Slot> lists;
  std::vector<uint8_t> image; ///< a warp's file as it begins: constants, and poison
  std::vector<std::pair<std::string, Slot>> specials;
  uint32_t registers = 1;
  std::vector<Variable> shared; ///< at their offsets; what lies between is nobody's
  uint32_t sharedBytes = 0; ///< as the hardware would count them: no gaps
  uint32_t dynamicAt = 0; ///< where the dynamic part begins
  uint32_t localBytes = 0;
  std::vector<Variable> locals;
  std::vector<std::vector<uint32_t>> tables; ///< targets of brx.idx
  uint32_t maxThreads = 0, minCtas = 0;
  uint32_t required[3] = {0, 0, 0}; ///< .reqntid
};

struct Module {
  unsigned version = 0; ///< 70 for .version 7.0
  unsigned target = 0; ///< 80 for sm_80
  bool isExact = false; ///< sm_90a: runs on no other
  std::map<std::string, std::unique_ptr<Variable>> variables;
  std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

/// Reads PTX text; throws Refusal. Variables of the global and constant spaces get the addresses that `place` gives them.
std::unique_ptr<Module> parseModule(const std::string &text, uint64_t (*place)(void *context, Variable &),
                                    void *context);

} // namespace ptx

#endif
