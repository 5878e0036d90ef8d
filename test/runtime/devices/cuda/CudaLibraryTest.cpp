//===- CudaLibraryTest.cpp - A model on a GPU by the C interface -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device is an option of the model; its sessions share what lies on it.
//===----------------------------------------------------------------------===//
#include "CudaSessions.h"
#include <thread>

using namespace phi;
using namespace phi::fake;

static const GpuModel &theGpuModel() {
  static const GpuModel model;
  return model;
}

extern const phi_model phi_the_model;
const phi_model phi_the_model = theGpuModel().model;
extern "C" const phi_api *phi_query(uint32_t version);

namespace {

const phi_api &api() { return *phi_query(PHI_ABI_VERSION); }

struct Block {
  explicit Block(uint64_t bytes) : bytes(bytes), memory(os::reserve(bytes)) {}
  ~Block() { os::release(memory, bytes); }
  Block(const Block &) = delete;
  uint64_t bytes;
  uint8_t *memory;
};

struct Opened {
  explicit Opened(const char *device) {
    phi_model_options options = {};
    options.size = sizeof(options);
    options.device = device;
    options.log = [](void *told, const char *line) { *static_cast<std::string *>(told) += std::string(line) + "\n"; };
    options.log_state = &told;
    status = api().model_open(&options, block.memory, block.bytes, &model, &error);
  }
  ~Opened() { api().model_close(model); }
  Block block{api().model_bytes()};
  phi_model *model = nullptr;
  phi_error error = {};
  phi_status status;
  std::string told;
};

struct Sequence {
  explicit Sequence(const phi_model *model, int64_t context, const Sequence *from = nullptr) {
    const phi_session_options options = {sizeof(options), context, 0, 0, {}, nullptr};
    status = from ? api().fork(from->session, &options, block.memory, block.bytes, &session, &error)
                  : api().session_create(model, &options, block.memory, block.bytes, &session, &error);
  }
  ~Sequence() { api().session_free(session); }
  std::vector<int32_t> generate(std::vector<int32_t> ids, int count) {
    std::vector<int32_t> next;
    EXPECT_EQ(api().prefill(session, ids.data(), int64_t(ids.size()), &error), PHI_OK) << error.text;
    for (next.push_back(best()); int(next.size()) < count; next.push_back(best()))
      EXPECT_EQ(api().decode(session, next.back(), &error), PHI_OK) << error.text;
    return next;
  }
  int32_t best() const {
    const float *logits = api().logits(session, 0);
    return int32_t(std::max_element(logits, logits + kVocab) - logits);
  }
  Block block{1 << 20};
  phi_session *session = nullptr;
  phi_error error = {};
  phi_status status;
};

TEST(CudaLibrary, SessionsShareTheWeights) {
  // Weights of 20 MiB and a bit, and 2 MiB for each of two sessions: a second copy would not fit.
  Settings little{{{"MEMORY", "28M"}}};
  Opened opened("cuda");
  ASSERT_EQ(opened.status, PHI_OK) << opened.error.text;
  EXPECT_EQ(opened.told, "fake: code for sm_75 on PTX emulator sm_80, 28.0 MiB, weights embedded\n");
  Sequence first(opened.model, 64), second(opened.model, 64);
  ASSERT_EQ(first.status, PHI_OK) << first.error.text;
  ASSERT_EQ(second.status, PHI_OK) << second.error.text;
  std::thread user([&] { EXPECT_EQ(first.generate({1, 2}, 9), expected({1, 2}, 9)); });
  EXPECT_EQ(second.generate({3}, 9), expected({3}, 9));
  user.join();
  Sequence fork(opened.model, 64, &second);
  ASSERT_EQ(fork.status, PHI_OK) << fork.error.text;
  EXPECT_EQ(fork.best(), second.best());
  EXPECT_EQ(fork.generate({8}, 2), second.generate({8}, 2));
  Opened another("cuda");
  EXPECT_EQ(another.status, PHI_DEVICE_FAILED);
  EXPECT_STREQ(another.error.text,
               "PTX emulator sm_80 has 6.0 MiB of memory left, but this model takes 22.0 MiB; all of a model "
               "runs on one GPU, or on the processor (cpu)");
}

TEST(CudaLibrary, ChoosesADevice) {
  Settings two{{{"DEVICES", "2"}}};
  EXPECT_EQ(Opened("cuda:1").status, PHI_OK);
  Opened none("cuda:7"), many("cuda:0,1");
  EXPECT_EQ(none.status, PHI_BAD_ARGUMENT);
  EXPECT_STREQ(none.error.text, "device cuda:7: this machine has 2 of them, cuda:0 to cuda:1");
  EXPECT_STREQ(many.error.text, "device cuda:0,1: one device runs a model, and all of it");
}

TEST(CudaLibrary, WithoutAGpuTheLogSaysSo) {
  Settings none{{{"DEVICES", "0"}}};
  Opened any(nullptr), named("cuda");
  EXPECT_EQ(any.status, PHI_OK) << any.error.text;
  EXPECT_EQ(any.told, "on cpu, not on cuda: this machine lacks an NVIDIA GPU\nfake: code for fake, weights embedded\n");
  EXPECT_EQ(named.status, PHI_NO_PROCESSOR);
}

TEST(CudaLibrary, ALostDeviceIsAnErrorOfTheCall) {
  Settings lost{{{"FAIL_LAUNCH", "3"}}};
  Opened opened("cuda");
  Sequence sequence(opened.model, 64);
  const int32_t id = 1;
  ASSERT_EQ(api().prefill(sequence.session, &id, 1, &sequence.error), PHI_OK);
  EXPECT_EQ(api().decode(sequence.session, 1, &sequence.error), PHI_DEVICE_FAILED);
  EXPECT_STREQ(sequence.error.text,
               "PTX emulator sm_80 failed in stage 'predict' or before it: unknown error (CUDA_ERROR_UNKNOWN)");
  EXPECT_EQ(api().decode(sequence.session, 1, &sequence.error), PHI_DEVICE_FAILED);
}

} // namespace
