//===- FakeGpuModel.h - Fake models for a GPU ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FakeModel.h's model with the kernels of kernels.c: what it generates is the same.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_RUNTIME_DEVICES_CUDA_FAKEGPUMODEL_H
#define PHIC_TEST_RUNTIME_DEVICES_CUDA_FAKEGPUMODEL_H

#include "phi/gpu.h"
#include "test/runtime/FakeModel.h"
#include <fstream>
#include <sstream>
#include <string>

extern "C" const phi_device phi_device_cuda;
extern "C" phi_gpu_launch phi_launch_cuda;

namespace phi::fake {

/// A short text as zlib would leave it that does not compress: a header, one stored block, a sum that nobody reads.
inline std::string packStored(const std::string &text) {
  const auto count = uint16_t(text.size()), inverse = uint16_t(~count);
  std::string packed("\x78\x01\x01", 3);
  for (uint16_t word : {count, inverse})
    packed += {char(word & 255), char(word >> 8)};
  return packed + text + std::string(4, 0);
}

/// What the compiler would write: header, kernels, arguments, names, text.
struct GpuBlob {
  struct Kernel {
    std::string name;
    uint32_t threads, arguments;
  };

  GpuBlob(std::vector<Kernel> kernels, std::vector<phi_gpu_argument> arguments, std::string text, uint64_t workspace) {
    phi_gpu_code code = {};
    code.magic = PHI_GPU_MAGIC;
    code.least = 75;
    code.language = 65;
    code.kernels = sizeof(code);
    code.kernel_count = uint32_t(kernels.size());
    code.arguments = code.kernels + kernels.size() * sizeof(phi_gpu_kernel);
    code.argument_count = uint32_t(arguments.size());
    code.workspace_bytes = workspace;
    std::string names;
    const uint64_t namesAt = code.arguments + arguments.size() * sizeof(phi_gpu_argument);
    std::vector<phi_gpu_kernel> rows;
    for (const Kernel &kernel : kernels) {
      rows.push_back({namesAt + names.size(), kernel.threads, kernel.arguments});
      names += kernel.name + '\0';
    }
    code.text = namesAt + names.size();
    code.text_bytes = text.size();
    const std::string packed = packStored(text);
    code.packed_bytes = packed.size();
    code.bytes = code.text + packed.size();
    bytes.append(reinterpret_cast<const char *>(&code), sizeof(code));
    bytes.append(reinterpret_cast<const char *>(rows.data()), rows.size() * sizeof(rows[0]));
    bytes.append(reinterpret_cast<const char *>(arguments.data()), arguments.size() * sizeof(arguments[0]));
    bytes += names + packed;
  }
  phi_gpu_code &header() { return *reinterpret_cast<phi_gpu_code *>(bytes.data()); }

  std::string bytes;
};

inline std::string kernelsText() {
  std::ifstream file(PHIC_KERNELS);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// More than two pieces of an upload, and not a whole number of them.
constexpr uint64_t kGpuWeights = (uint64_t(20) << 20) + 68, kOneAt = 64, kLastAt = kGpuWeights - 4, kArenaAt = 64;
constexpr uint64_t kCacheAt = 8; ///< of each token's 16 bytes, the second half

enum Kernels { kRemember, kPredict };
constexpr int32_t kPredictArguments = 5;

inline GpuBlob gpuBlob() {
  const std::vector<phi_gpu_argument> arguments = {
      {PHI_GPU_BINDING, kTokenSlot, 0},     {PHI_GPU_CONTEXT, kKvSlot, kCacheAt},
      {PHI_GPU_WEIGHTS, 0, kOneAt},         {PHI_GPU_WEIGHTS, 0, kLastAt},
      {PHI_GPU_ARENA, 0, kArenaAt},         {PHI_GPU_BINDING, kLogitsSlot, 0},
      {PHI_GPU_CONTEXT, kKvSlot, kCacheAt}, {PHI_GPU_WORKSPACE, 0, 16}};
  return {{{"remember", 32, 5}, {"predict", 128, 3}}, arguments, kernelsText(), /*workspace=*/16 + kChunkRows * 4};
}

inline void launchStages(phi_frame *frame, int32_t) {
  phi_launch_cuda(frame, 0, kRemember, 0, 1, int32_t(frame->rows));
  phi_launch_cuda(frame, 1, kPredict, kPredictArguments, 1, int32_t(frame->rows - frame->logit_row0));
}

inline constexpr phi_entry kGpuCode[] = {launchStages, launchStages, launchStages};
inline constexpr int64_t kGpuKvShape[] = {PHI_DIM_CONTEXT, 2 * sizeof(int64_t)};
inline constexpr phi_binding kGpuBindings[] = {
    kBindings[0], kBindings[1], {"kv", kGpuKvShape, 2, PHI_U8, PHI_STATE, kKvSlot, kKvSlot, 0}};
inline constexpr phi_entry_desc kGpuEntries[] = {{"decode", kGpuBindings, 3, 3, 1},
                                                 {"verify", kGpuBindings, 3, 3, PHI_VERIFY_ROWS},
                                                 {"prefill", kGpuBindings, 3, 3, 0}};
inline constexpr phi_stage_output kGpuCacheOutput = {PHI_SPACE_KV_KEY, /*group=*/1,
                                                     sizeof(int64_t),  kCacheAt,
                                                     /*strips=*/1,     0};
inline constexpr phi_stage_desc kGpuStages[] = {{"remember", &kGpuCacheOutput, 1, 0},
                                                {"predict", &kLogitsOutput, 1, 1}};

/// The model, with code for GPUs and, behind it, for any processor.
struct GpuModel {
  GpuModel() {
    weights.resize((kGpuWeights + 63) / 64 + 2);
    auto *bytes = reinterpret_cast<uint8_t *>(weights.data());
    for (uint64_t at : {kOneAt, kLastAt})
      bytes[at] = 1;
    const phi_weights_trailer trailer = {kGpuWeights, 0, {}, PHI_WEIGHTS_MAGIC};
    std::memcpy(bytes + (kGpuWeights + 63) / 64 * 64, &trailer, sizeof(trailer));
    plan.device = &phi_device_cuda;
    plan.weights_bytes = kGpuWeights;
    plan.arena_bytes = kArenaAt + kChunkRows * 4;
    plan.state_bytes_per_token = 16;
    plan.stages = kGpuStages;
    variants[0].plan = &plan;
    variants[0].name = "sm_75";
    variants[0].entries = kGpuCode;
    update();
    model.weights = bytes;
    model.weights_bytes = kGpuWeights;
    model.variants = variants;
    model.entries = kGpuEntries;
  }
  GpuModel(const GpuModel &) = delete;
  /// After the blob was changed.
  void update() {
    aligned.resize(blob.bytes.size() / 64 + 1);
    std::memcpy(aligned.data(), blob.bytes.data(), blob.bytes.size());
    variants[0].blob = reinterpret_cast<const uint8_t *>(aligned.data());
    variants[0].blob_bytes = blob.bytes.size();
  }

  struct alignas(64) Line {
    uint8_t bytes[64] = {};
  };
  std::vector<Line> weights, aligned;
  GpuBlob blob = gpuBlob();
  phi_plan plan = kPlan;
  phi_variant variants[2] = {{}, kVariants[1]};
  phi_model model = fake::model();
};

} // namespace phi::fake

#endif // PHIC_TEST_RUNTIME_DEVICES_CUDA_FAKEGPUMODEL_H
