//===- CudaGraphTest.cpp - Graphs on a GPU -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A graph of one stage and one state, y = 2 x + s and s' = x + s: as a session, by the C interface, and as a program.
//===----------------------------------------------------------------------===//
#include "CudaSessions.h"
#include "phi/graph.h"
#include "runtime/GraphProgram.h"
#include "gmock/gmock.h"
#include <unistd.h>

using namespace phi;
using namespace phi::fake;
using testing::Each;

namespace {

constexpr int64_t kCount = 32, kShape[] = {kCount};
constexpr uint64_t kBytes = kCount * sizeof(float);
constexpr phi_binding kPorts[] = {{"x", kShape, 1, PHI_F32, PHI_INPUT, 0, 0, 0},
                                  {"y", kShape, 1, PHI_F32, PHI_RESULT, 3, 3, 0},
                                  {"s", kShape, 1, PHI_F32, PHI_STATE, 1, 2, 0}};
constexpr phi_entry_desc kEntry = {"run", kPorts, 3, 4, 1};
constexpr phi_stage_desc kStage = {"advance", nullptr, 0, 0};

void launchAdvance(phi_frame *frame, int32_t) { phi_launch_cuda(frame, 0, 0, 0, 1, 1); }
constexpr phi_entry kRun[] = {launchAdvance};

/// The same on a processor.
void advanceNative(const phi_frame *frame, const int64_t *, int64_t, int64_t, uint8_t *) {
  auto floats = [&](int slot) { return reinterpret_cast<float *>(frame->bindings[slot]); };
  for (int64_t i = 0; i < kCount; ++i) {
    floats(3)[i] = floats(0)[i] * 2 + floats(1)[i];
    floats(2)[i] = floats(0)[i] + floats(1)[i];
  }
}
constexpr phi_entry kRunNative[] = {
    [](phi_frame *frame, int32_t thread) { phi_run_stage(frame, thread, 0, advanceNative, nullptr, 1); }};

struct GraphModel {
  GraphModel() {
    plan.stages = cpuPlan.stages = &kStage;
    plan.stage_count = cpuPlan.stage_count = 1;
    plan.state_bytes_per_token = 0;
    plan.device = &phi_device_cuda;
    blob.bytes.resize((blob.bytes.size() + 63) / 64 * 64);
    blob.header().bytes = blob.bytes.size();
    lines.resize(blob.bytes.size() / 64);
    memcpy(lines.data(), blob.bytes.data(), blob.bytes.size());
    variants[0] = {"sm_75", &plan, 0, kRun, reinterpret_cast<const uint8_t *>(lines.data()), blob.bytes.size()};
    variants[1] = {"fake", &cpuPlan, 0, kRunNative, nullptr, 0};
    model.variants = variants;
    model.entries = &kEntry;
    model.entry_count = 1;
  }
  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  GpuBlob blob{{{"advance", kCount, 4}},
               {{PHI_GPU_BINDING, 0, 0}, {PHI_GPU_BINDING, 1, 0}, {PHI_GPU_BINDING, 3, 0}, {PHI_GPU_BINDING, 2, 0}},
               kernelsText(),
               0};
  std::vector<Line> lines;
  phi_plan plan = kPlan, cpuPlan = kPlan;
  phi_variant variants[2];
  phi_model model = fake::model();
};

const GraphModel &theGraph() {
  static const GraphModel graph;
  return graph;
}

} // namespace

extern const phi_model phi_the_model;
const phi_model phi_the_model = theGraph().model;
extern "C" const phi_graph_api *phi_query(uint32_t version);

namespace {

struct Block {
  explicit Block(uint64_t bytes) : bytes(bytes), memory(os::reserve(bytes)) {}
  ~Block() { os::release(memory, bytes); }
  Block(const Block &) = delete;
  uint64_t bytes;
  uint8_t *memory;
};

/// A graph of the C interface.
class CudaGraph : public testing::TestWithParam<const char *> {
protected:
  CudaGraph() {
    phi_model_options options = {};
    options.size = sizeof(options);
    options.device = "cuda";
    options.log = [](void *told, const char *line) { *static_cast<std::string *>(told) += line; };
    options.log_state = &told;
    EXPECT_EQ(api.model_open(&options, modelBlock.memory, modelBlock.bytes, &model, &error), PHI_OK) << error.text;
    EXPECT_EQ(create(graphBlock, &graph), PHI_OK) << error.text;
  }
  ~CudaGraph() override {
    api.graph_free(graph);
    api.model_close(model);
  }
  phi_status create(Block &block, phi_graph **made) {
    return api.graph_create(model, nullptr, block.memory, block.bytes, made, &error);
  }
  /// y of a run on `x` everywhere.
  std::vector<float> run(float x) {
    std::vector<float> input(kCount, x), result(kCount, -1);
    const void *inputs[] = {input.data()};
    void *results[] = {result.data()};
    EXPECT_EQ(api.run(graph, inputs, results, &error), PHI_OK) << error.text;
    return result;
  }
  float *state() { return static_cast<float *>(api.state(graph, 0)); }

  Settings settings{{{"SEED", GetParam()}}};
  const phi_graph_api &api = *phi_query(PHI_GRAPH_VERSION);
  std::string told;
  phi_error error = {};
  Block modelBlock{api.model_bytes()};
  phi_model *model = nullptr;
  Block graphBlock{1 << 20};
  phi_graph *graph = nullptr;
};

TEST_P(CudaGraph, StatesGoOn) {
  EXPECT_EQ(told, "fake: code for sm_75 on PTX emulator sm_80, 16.0 GiB, weights embedded");
  EXPECT_THAT(run(1), Each(2.f));
  EXPECT_THAT(run(10), Each(21.f));
  EXPECT_THAT(run(100), Each(211.f));
  EXPECT_THAT(std::vector<float>(state(), state() + kCount), Each(111.f));
  EXPECT_THAT(run(0), Each(111.f)); // looking changed nothing
}

TEST_P(CudaGraph, AStateCanBeChangedAndReset) {
  run(1);
  std::fill_n(state(), kCount, 5.f);
  EXPECT_THAT(run(1), Each(7.f));
  EXPECT_THAT(run(1), Each(8.f));
  api.reset(graph);
  EXPECT_THAT(run(1), Each(2.f));
}

TEST_P(CudaGraph, TwoGraphsShareAModel) {
  Block block(1 << 20);
  phi_graph *other = nullptr;
  ASSERT_EQ(create(block, &other), PHI_OK) << error.text;
  run(1);
  std::swap(graph, other);
  EXPECT_THAT(run(3), Each(6.f));
  std::swap(graph, other);
  EXPECT_THAT(run(3), Each(7.f));
  api.graph_free(other);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CudaGraph, testing::Values("0", "1"));

/// A run of the program.
struct Program {
  explicit Program(std::vector<const char *> words) {
    words.insert(words.begin(), "prog");
    Console console = {-1, os::createFile(place("out").c_str()), os::createFile(place("err").c_str())};
    code = runGraphProgram(phi_the_model, int(words.size()), words.data(), console, os::now());
    close(console.out);
    close(console.err);
    out = textOf("out");
    err = textOf("err");
  }
  static std::string place(const std::string &name) { return testing::TempDir() + "phi-cuda-graph-" + name; }
  static std::string textOf(const std::string &name) {
    std::ifstream file(place(name), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  int code;
  std::string out, err;
};

/// A .npy file of `runs` runs, in which all of run i is i + 1.
void writeRuns(const std::string &path, int runs) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(runs) + ", 32), }";
  header.resize(117, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << std::string("\x93NUMPY\1\0\x76\0", 10) << header;
  for (int run = 1; run <= runs; ++run) {
    const std::vector<float> numbers(kCount, float(run));
    file.write(reinterpret_cast<const char *>(numbers.data()), kBytes);
  }
}

std::vector<float> numbersIn(const std::string &npy) {
  std::vector<float> numbers((npy.size() - 128) / sizeof(float));
  memcpy(numbers.data(), npy.data() + 128, numbers.size() * sizeof(float));
  return numbers;
}

TEST(CudaGraphProgram, GivesWhatAProcessorGives) {
  const std::string x = Program::place("x.npy"), in = "x=" + x, y = Program::place("y.npy"), out = "y=" + y,
                    s = Program::place("s.npy"), state = "s=" + s;
  writeRuns(x, 3);
  std::vector<std::string> results;
  for (const char *device : {"cuda", "cpu"}) {
    Program program({"--in", in.c_str(), "--out", out.c_str(), "--out", state.c_str(), "--device", device});
    ASSERT_EQ(program.code, 0) << program.err;
    EXPECT_EQ(program.err, device[1] == 'u' ? "on PTX emulator sm_80, 1.0 KiB of 16.0 GiB\n" : "");
    results.push_back(Program::textOf("y.npy") + Program::textOf("s.npy"));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(numbersIn(Program::textOf("y.npy"))[2 * kCount], 9);
  EXPECT_EQ(numbersIn(Program::textOf("s.npy"))[0], 6);
  // From where it ended.
  Program again({"--in", in.c_str(), "--in", state.c_str(), "--out", out.c_str(), "--device=cuda", "--stats=json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.err[0], '{'); // nothing but the object
  EXPECT_EQ(numbersIn(Program::textOf("y.npy"))[0], 8);
  EXPECT_THAT(again.err, testing::HasSubstr("\"device\": \"cuda\", \"cpu_variant\": \"sm_75\""));
  Program told({"--in", in.c_str(), "--device=cuda", "--stats"});
  EXPECT_THAT(told.err, testing::HasSubstr("ms each; cuda, sm_75\n"));
  Program reset({"--in", in.c_str(), "--out", out.c_str(), "--device=cuda", "--reset"});
  ASSERT_EQ(reset.code, 0) << reset.err;
  EXPECT_EQ(numbersIn(Program::textOf("y.npy"))[2 * kCount], 6);
}

TEST(CudaGraphProgram, RunsAreLaunchedAtOnceThoughStatesChangePlaces) {
  const std::string x = Program::place("x.npy"), y = Program::place("y.npy"), path = Program::place("counters.json");
  writeRuns(x, 10);
  Settings counted{{{"COUNTERS", path}}};
  EXPECT_EQ(Program({x.c_str(), "-o", y.c_str(), "--device=cuda"}).code, 0);
  EXPECT_THAT(Program::textOf("counters.json"), testing::HasSubstr("\"launches\": 10,"));
  EXPECT_THAT(Program::textOf("counters.json"), testing::HasSubstr("\"graphs\": 8,")); // all but the first of two kinds
  EXPECT_EQ(numbersIn(Program::textOf("y.npy"))[9 * kCount], 65);
}

TEST(CudaGraphProgram, ListsDevices) {
  Settings two{{{"DEVICES", "2"}}};
  EXPECT_EQ(Program({"--list-devices"}).out, "cuda:0  sm_75, PTX emulator sm_80, 16.0 GiB\n"
                                             "cuda:1  sm_75, PTX emulator sm_80, 16.0 GiB\ncpu  fake\n");
}

TEST(CudaGraphProgram, TellsWhatItLacks) {
  writeRuns(Program::place("x.npy"), 1);
  const std::string x = Program::place("x.npy"), y = Program::place("y.npy");
  auto run = [&](const char *device) { return Program({x.c_str(), "-o", y.c_str(), "--device", device}); };
  {
    Settings none{{{"DEVICES", "0"}}};
    EXPECT_EQ(run("cuda").code, 1);
    EXPECT_EQ(run("cuda").err, "this model needs a machine with sm_75; this one lacks an NVIDIA GPU\n");
    EXPECT_EQ(run("auto").code, 0);
    EXPECT_EQ(run("auto").err, "on cpu, not on cuda: this machine lacks an NVIDIA GPU\n");
  }
  {
    Settings lost{{{"FAIL_LAUNCH", "1"}}};
    EXPECT_EQ(run("cuda").code, 1);
    EXPECT_THAT(run("cuda").err,
                testing::HasSubstr("\nPTX emulator sm_80 failed in stage 'advance' or before it: unknown error "
                                   "(CUDA_ERROR_UNKNOWN)\n"));
  }
  Settings little{{{"MEMORY", "1M"}}};
  EXPECT_EQ(run("cuda:0").code, 1);
  EXPECT_EQ(run("cuda:0").err,
            "PTX emulator sm_80 has 0.0 KiB of memory left, but this model takes 4.0 MiB; all of a model runs "
            "on one GPU, or on the processor (cpu)\n");
}

} // namespace
