//===- Pattern.cpp - Pre-tokenizer patterns as programs -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Pattern.h"
#include "compiler/tokenizer/JsonFields.h"
#include "compiler/tokenizer/PatternParser.h"
#include <algorithm>

namespace phic::tokenizer {
namespace {

constexpr size_t MaxInstructions = 4096;
constexpr uint32_t MaxCopies = 16; ///< of a repeated group

/// Whether the node can match without taking a character.
bool canBeEmpty(const PatternNode &node) {
  auto empty = [](const PatternNode &child) { return canBeEmpty(child); };
  switch (node.kind) {
  case PatternNode::Class:
    return false;
  case PatternNode::Repeat:
    return node.least == 0 || canBeEmpty(node.children[0]);
  case PatternNode::Ahead:
  case PatternNode::NotAhead:
    return true;
  case PatternNode::Alternatives:
    return std::any_of(node.children.begin(), node.children.end(), empty);
  case PatternNode::Sequence:
  case PatternNode::Atomic:
    return std::all_of(node.children.begin(), node.children.end(), empty);
  }
  return true;
}

class Emitter {
public:
  explicit Emitter(PatternTables &tables) : tables(tables), begin(tables.code.size()) {}

  /// The node's program, up to MATCH.
  void program(const PatternNode &node, uint32_t depth) {
    if (depth > PHI_PATTERN_DEPTH)
      return complain("lookaheads and atomic groups are nested too deep");
    const uint32_t outer = choices;
    choices = 0;
    emit(node, depth);
    append({PHI_PATTERN_MATCH, 0, 0, 0});
    choices = outer;
  }

  std::string problem;

private:
  void complain(const llvm::Twine &what) {
    if (problem.empty())
      problem = what.str();
  }

  uint32_t next() const { return static_cast<uint32_t>(tables.code.size()); }

  uint32_t append(phi_instruction instruction) {
    if (tables.code.size() - begin >= MaxInstructions) {
      complain("it is too large");
      return next() - 1;
    }
    // Choices are counted as if all could be open at once: more than enough for real patterns.
    choices += instruction.op == PHI_PATTERN_FORK || instruction.op == PHI_PATTERN_REPEAT;
    if (choices > PHI_PATTERN_FRAMES)
      complain("it has more than " + llvm::Twine(PHI_PATTERN_FRAMES) + " choices");
    tables.code.push_back(instruction);
    return next() - 1;
  }

  void emit(const PatternNode &node, uint32_t depth) {
    if (!problem.empty())
      return;
    switch (node.kind) {
    case PatternNode::Class:
      append({PHI_PATTERN_CLASS, tables.addClass(node.characters), 0, 0});
      break;
    case PatternNode::Sequence:
      for (const PatternNode &child : node.children)
        emit(child, depth);
      break;
    case PatternNode::Alternatives:
      alternatives(node, depth);
      break;
    case PatternNode::Repeat:
      repeat(node, depth);
      break;
    case PatternNode::Ahead:
      nested(PHI_PATTERN_AHEAD, node.children[0], depth);
      break;
    case PatternNode::NotAhead:
      nested(PHI_PATTERN_NOT_AHEAD, node.children[0], depth);
      break;
    case PatternNode::Atomic:
      nested(PHI_PATTERN_ATOMIC, node.children[0], depth);
      break;
    }
  }

  /// fork A | next; A; jump end; next: ..
  void alternatives(const PatternNode &node, uint32_t depth) {
    std::vector<uint32_t> jumps;
    for (size_t i = 0; i + 1 < node.children.size(); ++i) {
      const uint32_t fork = append({PHI_PATTERN_FORK, 0, 0, 0});
      tables.code[fork].a = next();
      emit(node.children[i], depth);
      jumps.push_back(append({PHI_PATTERN_JUMP, 0, 0, 0}));
      tables.code[fork].b = next();
    }
    emit(node.children.back(), depth);
    for (uint32_t jump : jumps)
      tables.code[jump].a = next();
  }

  void repeat(const PatternNode &node, uint32_t depth) {
    const PatternNode &child = node.children[0];
    if (child.kind == PatternNode::Class) {
      append({node.possessive ? uint32_t(PHI_PATTERN_POSSESS) : uint32_t(PHI_PATTERN_REPEAT),
              tables.addClass(child.characters), node.least, node.most});
      return;
    }
    if (node.most == PHI_PATTERN_UNBOUNDED)
      return complain("a group that repeats without bound is not supported");
    if (node.most > MaxCopies)
      return complain("a group that repeats more than " + llvm::Twine(MaxCopies) + " times is not supported");
    if (node.possessive) {
      PatternNode greedy = node;
      greedy.possessive = false;
      return nested(PHI_PATTERN_ATOMIC, greedy, depth);
    }
    // x{1,3} is x(x(x)?)?
    for (uint32_t i = 0; i < node.least; ++i)
      emit(child, depth);
    std::vector<uint32_t> forks;
    for (uint32_t i = node.least; i < node.most && problem.empty(); ++i) {
      forks.push_back(append({PHI_PATTERN_FORK, 0, 0, 0}));
      tables.code[forks.back()].a = next();
      emit(child, depth);
    }
    for (uint32_t fork : forks)
      tables.code[fork].b = next();
  }

  void nested(phi_pattern_op op, const PatternNode &node, uint32_t depth) {
    const uint32_t at = append({uint32_t(op), 0, 0, 0});
    tables.code[at].a = next();
    program(node, depth + 1);
    tables.code[at].b = next();
  }

  PatternTables &tables;
  size_t begin;
  uint32_t choices = 0;
};

} // namespace

uint32_t PatternTables::addClass(const CharacterRanges &characters) {
  for (size_t i = 0; i < known.size(); ++i)
    if (known[i] == characters)
      return static_cast<uint32_t>(i);
  known.push_back(characters);
  phi_class set = {{0, 0, 0, 0}, static_cast<uint32_t>(ranges.size()), 0};
  for (auto [low, high] : characters) {
    for (uint32_t c = low; c <= high && c < 128; ++c)
      set.ascii[c / 32] |= 1u << (c % 32);
    if (high >= 128)
      ranges.push_back({std::max<uint32_t>(low, 128), high});
  }
  set.count = static_cast<uint32_t>(ranges.size()) - set.ranges;
  classes.push_back(set);
  return static_cast<uint32_t>(classes.size()) - 1;
}

llvm::Expected<uint32_t> PatternTables::addPattern(llvm::StringRef pattern) {
  llvm::Expected<PatternNode> node = parsePattern(pattern);
  if (!node)
    return node.takeError();
  const uint32_t first = static_cast<uint32_t>(code.size());
  Emitter emitter(*this);
  if (canBeEmpty(*node))
    emitter.problem = "it can match nothing";
  else
    emitter.program(*node, /*depth=*/0);
  if (!emitter.problem.empty())
    return fail("pre-tokenizer pattern '" + pattern + "': " + emitter.problem);
  return first;
}

} // namespace phic::tokenizer
