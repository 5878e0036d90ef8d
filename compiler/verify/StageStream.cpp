//===- StageStream.cpp - Runs a program, reads its stages ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/StageStream.h"

using namespace llvm;

namespace phic {
namespace {

/// No buffer of a stage is larger; what a damaged program says is not allocated.
constexpr uint64_t kMostBytes = uint64_t(1) << 34;

} // namespace

Expected<std::unique_ptr<StageStream>> StageStream::run(const std::string &program,
                                                        const std::vector<std::string> &arguments,
                                                        const ProgramPlan &plan, const Avx512Emulator *emulator) {
  std::unique_ptr<StageStream> stream(new StageStream(program, plan));
  if (Error failure = stream->pipe.start(arguments, emulator))
    return std::move(failure);
  if (Error failure = stream->pipe.readHeader(PHI_STREAM_MAGIC, plan, stream->header))
    return std::move(failure);
  return stream;
}

Error StageStream::readPadded(void *bytes, size_t count) {
  uint8_t padding[8];
  if (Error failure = pipe.read(bytes, count))
    return failure;
  return pipe.read(padding, (8 - count % 8) % 8);
}

Expected<std::optional<StageStream::Step>> StageStream::nextStep() {
  Step step;
  if (Error failure = pipe.readStep(plan, header, step.facts))
    return std::move(failure);
  if (step.facts.rows == 0)
    return std::nullopt;
  step.tokens.resize(size_t(step.facts.rows));
  if (Error failure = readPadded(step.tokens.data(), step.tokens.size() * sizeof(int32_t)))
    return std::move(failure);
  for (int32_t token : step.tokens)
    if (token < 0 || uint32_t(token) >= plan.vocab)
      return pipe.damaged("a token outside the vocabulary");
  return step;
}

Expected<StageStream::Stage> StageStream::nextStage() {
  phi_stream_stage facts;
  if (Error failure = pipe.read(&facts, sizeof(facts)))
    return std::move(failure);
  if (facts.stage >= plan.stageCount)
    return pipe.damaged("a stage that the program does not have");
  Stage stage;
  stage.index = facts.stage;
  for (uint32_t i = 0; i < facts.output_count; ++i) {
    uint64_t count = 0;
    if (Error failure = pipe.read(&count, sizeof(count)))
      return std::move(failure);
    if (count > kMostBytes)
      return pipe.damaged("a buffer that is too large");
    stage.outputs.emplace_back(size_t(count));
    if (Error failure = readPadded(stage.outputs.back().data(), size_t(count)))
      return std::move(failure);
  }
  return stage;
}

} // namespace phic
