//===- LibraryTest.cpp - The C interface, driven as a user would -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built three times: as it is, and with all of the runtime under AddressSanitizer
// and ThreadSanitizer, which see nothing inside a compiled library.
//===----------------------------------------------------------------------===//
#include "FakeModel.h"
#include "gtest/gtest.h"
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

using namespace phi;

extern "C" {
const phi_api *phi_query(uint32_t version);
const phi_model phi_the_model = fake::model();
}

namespace {

/// 64-byte aligned and full of garbage: nothing may rely on zeros.
struct Block {
  explicit Block(size_t bytes) : memory(std::aligned_alloc(64, (bytes + 63) / 64 * 64)), bytes(bytes) {
    std::memset(memory, 0xff, bytes);
  }
  ~Block() { std::free(memory); }
  Block(const Block &) = delete;
  void *memory;
  size_t bytes;
};

const phi_api &api() { return *phi_query(PHI_ABI_VERSION); }

struct Model {
  Model() : block(api().model_bytes()) {
    EXPECT_EQ(api().model_open(nullptr, block.memory, block.bytes, &model, &error), PHI_OK) << error.text;
  }
  ~Model() { api().model_close(model); }
  Block block;
  phi_error error = {};
  phi_model *model = nullptr;
};

struct Session {
  Session(const phi_model *model, phi_session_options options, const Session *from = nullptr)
      : block(api().session_bytes(model, &options)) {
    status = from ? api().fork(from->session, &options, block.memory, block.bytes, &session, &error)
                  : api().session_create(model, &options, block.memory, block.bytes, &session, &error);
  }
  ~Session() { api().session_free(session); }

  int32_t best(int64_t row = 0) const {
    const float *logits = api().logits(session, row);
    return logits ? int32_t(std::max_element(logits, logits + fake::kVocab) - logits) : -1;
  }
  std::vector<int32_t> generate(std::vector<int32_t> ids, int count) {
    std::vector<int32_t> next;
    EXPECT_EQ(api().prefill(session, ids.data(), int64_t(ids.size()), &error), PHI_OK) << error.text;
    for (next.push_back(best()); int(next.size()) < count; next.push_back(best()))
      EXPECT_EQ(api().decode(session, next.back(), &error), PHI_OK) << error.text;
    return next;
  }

  Block block;
  phi_error error = {};
  phi_session *session = nullptr;
  phi_status status;
};

phi_session_options optionsFor(int64_t context, int32_t threads, phi_pool pool = {}) {
  return {sizeof(phi_session_options), context, threads, 0, pool, nullptr};
}

/// The simplest pool there could be: fresh threads each time.
void runOnThreads(void *count, int32_t threads, void (*body)(void *, int32_t), void *argument) {
  ++*static_cast<int *>(count);
  std::vector<std::thread> others;
  for (int32_t t = 1; t < threads; ++t)
    others.emplace_back(body, argument, t);
  body(argument, 0);
  for (std::thread &other : others)
    other.join();
}

std::vector<int32_t> iota(int count) {
  std::vector<int32_t> ids(count);
  for (int i = 0; i < count; ++i)
    ids[i] = i + 1;
  return ids;
}

TEST(Library, AnotherVersionIsRefused) {
  EXPECT_EQ(phi_query(PHI_ABI_VERSION + 1), nullptr);
  EXPECT_EQ(phi_query(0), nullptr);
  EXPECT_EQ(api().size, sizeof(phi_api));
}

TEST(Library, TellsFactsToOlderCallersToo) {
  phi_facts facts = {};
  facts.size = sizeof(facts);
  api().facts(&facts);
  EXPECT_STREQ(facts.name, "fake");
  EXPECT_EQ(facts.vocab, fake::kVocab);
  EXPECT_EQ(facts.context_default, 100u);
  EXPECT_EQ(facts.stop_ids[0], 96);
  EXPECT_EQ(facts.has_tokenizer, 0u);
  EXPECT_EQ(facts.weights_file, nullptr);
  phi_facts older = {};
  std::memset(&older, 0x55, sizeof(older));
  older.size = offsetof(phi_facts, vocab);
  api().facts(&older);
  EXPECT_EQ(older.size, offsetof(phi_facts, vocab));
  EXPECT_STREQ(older.name, "fake");
  EXPECT_EQ(older.vocab, 0x55555555u);
}

TEST(Library, GeneratesTheSameOnAnyThreads) {
  Model model;
  std::vector<int32_t> prompt = {3, 1, 4, 1, 5}, wanted = fake::expected(prompt, 20);
  for (int32_t threads : {0, 1, 2, 4}) {
    Session own(model.model, optionsFor(100, threads));
    EXPECT_EQ(own.generate(prompt, 20), wanted);
    int calls = 0;
    Session pooled(model.model, optionsFor(100, threads, {runOnThreads, &calls}));
    EXPECT_EQ(pooled.generate(prompt, 20), wanted);
    EXPECT_EQ(calls, threads > 1 ? 20 : 0);
  }
}

TEST(Library, SessionsShareAModelAtTheSameTime) {
  Model model;
  std::vector<std::thread> users;
  for (int user = 0; user < 3; ++user)
    users.emplace_back([&, user] {
      Session session(model.model, optionsFor(100, 1 + user % 2));
      std::vector<int32_t> prompt = iota(5 + user);
      EXPECT_EQ(session.generate(prompt, 30), fake::expected(prompt, 30));
    });
  for (std::thread &user : users)
    user.join();
}

TEST(Library, VerifyGivesEveryRow) {
  Model model;
  Session session(model.model, optionsFor(100, 2));
  session.generate({3, 1, 4}, 1);
  std::vector<int32_t> guesses = iota(PHI_VERIFY_ROWS);
  ASSERT_EQ(api().verify(session.session, guesses.data(), PHI_VERIFY_ROWS, &session.error), PHI_OK);
  for (int row = 0, sum = 8; row < int(PHI_VERIFY_ROWS); ++row)
    EXPECT_EQ(session.best(row), (sum += guesses[row]) % 97);
  EXPECT_EQ(session.best(PHI_VERIFY_ROWS), -1);
  EXPECT_EQ(session.best(-1), -1);
  EXPECT_EQ(api().verify(session.session, iota(9).data(), 9, &session.error), PHI_BAD_ARGUMENT);
  EXPECT_STREQ(session.error.text, "verify takes 1 to 8 ids, not 9");
}

// The long table begins at 41 tokens: all 36 before are computed again, in steps of 16, and no step may split the rows.
TEST(Library, VerifyAcrossTheRopeSwitchGivesEveryRow) {
  Model model;
  Session session(model.model, optionsFor(100, 1));
  session.generate(iota(36), 1);
  std::vector<int32_t> guesses = iota(8);
  ASSERT_EQ(api().verify(session.session, guesses.data(), 8, nullptr), PHI_OK);
  for (int row = 0, sum = 36 * 37 / 2; row < 8; ++row)
    EXPECT_EQ(session.best(row), (sum += guesses[row]) % 97) << row;
}

TEST(Library, TruncateForgets) {
  Model model;
  Session session(model.model, optionsFor(100, 2));
  session.generate({5, 6, 7, 8}, 1);
  ASSERT_EQ(api().truncate(session.session, 2, nullptr), PHI_OK);
  EXPECT_EQ(api().length(session.session), 2);
  EXPECT_EQ(session.best(), -1);
  EXPECT_EQ(session.generate({9}, 5), fake::expected({5, 6, 9}, 5));
  // Back over the switch: keys of the long table are of no use any more.
  Session longer(model.model, optionsFor(100, 1));
  longer.generate(iota(50), 1);
  ASSERT_EQ(api().truncate(longer.session, 10, nullptr), PHI_OK);
  std::vector<int32_t> all = iota(10);
  all.push_back(60);
  EXPECT_EQ(longer.generate({60}, 5), fake::expected(all, 5));
  EXPECT_EQ(api().truncate(longer.session, 99, &longer.error), PHI_BAD_ARGUMENT);
  EXPECT_EQ(api().truncate(longer.session, -1, &longer.error), PHI_BAD_ARGUMENT);
}

TEST(Library, ForksGoTheirOwnWays) {
  Model model;
  Session first(model.model, optionsFor(100, 2));
  first.generate({10, 20, 30}, 1);
  Session second(model.model, optionsFor(64, 1), &first);
  ASSERT_EQ(second.status, PHI_OK) << second.error.text;
  EXPECT_EQ(api().length(second.session), 3);
  EXPECT_EQ(second.best(), 60);
  EXPECT_EQ(first.generate({1}, 6), fake::expected({10, 20, 30, 1}, 6));
  EXPECT_EQ(second.generate({2}, 6), fake::expected({10, 20, 30, 2}, 6));
  Session small(model.model, optionsFor(2, 1), &first);
  EXPECT_EQ(small.status, PHI_FULL);
  phi_session_options wrong = optionsFor(-3, 1);
  phi_session *none = nullptr;
  EXPECT_EQ(api().fork(first.session, &wrong, second.block.memory, second.block.bytes, &none, nullptr),
            PHI_BAD_ARGUMENT);
}

TEST(Library, SaysWhatIsWrong) {
  Model model;
  phi_error error;
  Session session(model.model, optionsFor(10, 1));
  int32_t bad[] = {1, 97};
  EXPECT_EQ(api().prefill(session.session, bad, 2, &error), PHI_BAD_ARGUMENT);
  EXPECT_STREQ(error.text, "id 97 at 1 is out of range; this model has 97 tokens");
  EXPECT_EQ(api().prefill(session.session, iota(11).data(), 11, &error), PHI_FULL);
  EXPECT_STREQ(error.text, "11 tokens after 0 are more than the context of 10");
  EXPECT_EQ(api().prefill(session.session, nullptr, 1, &error), PHI_BAD_ARGUMENT);
  EXPECT_EQ(api().length(session.session), 0);
  EXPECT_EQ(api().prefill(session.session, iota(10).data(), 10, &error), PHI_OK);

  phi_session_options options = optionsFor(129, 1);
  EXPECT_EQ(api().session_bytes(model.model, &options), 0u);
  phi_session *none = nullptr;
  EXPECT_EQ(api().session_create(model.model, &options, session.block.memory, 1 << 20, &none, &error),
            PHI_BAD_ARGUMENT);
  EXPECT_STREQ(error.text, "a context of 129 tokens; this model takes 1 to 128");
  options = optionsFor(10, -1);
  EXPECT_EQ(api().session_create(model.model, &options, nullptr, 0, &none, &error), PHI_BAD_ARGUMENT);
  options = optionsFor(10, 1);
  Block block(api().session_bytes(model.model, &options));
  EXPECT_EQ(api().session_create(model.model, &options, block.memory, block.bytes - 1, &none, &error), PHI_NO_MEMORY);
  EXPECT_EQ(
      api().session_create(model.model, &options, static_cast<char *>(block.memory) + 8, block.bytes, &none, &error),
      PHI_NO_MEMORY);
  EXPECT_STREQ(error.text, "the memory given is not 64-byte aligned");
  EXPECT_EQ(none, nullptr);

  phi_model_options wrong = {};
  wrong.size = sizeof(wrong);
  wrong.weights_path = "elsewhere";
  phi_model *other = nullptr;
  EXPECT_EQ(api().model_open(&wrong, model.block.memory, model.block.bytes, &other, &error), PHI_BAD_ARGUMENT);
  EXPECT_STREQ(error.text, "this model's weights are embedded; it takes no others");
}

TEST(Library, OpensForADevice) {
  Block block(api().model_bytes());
  phi_model_options options = {};
  options.size = sizeof(options);
  options.device = "cpu";
  phi_model *model = nullptr;
  ASSERT_EQ(api().model_open(&options, block.memory, block.bytes, &model, nullptr), PHI_OK);
  api().model_close(model);
  options.device = "sundial";
  phi_error error;
  EXPECT_EQ(api().model_open(&options, block.memory, block.bytes, &model, &error), PHI_BAD_ARGUMENT);
  EXPECT_STREQ(error.text, "device sundial: this model has no code for that; it has code for cpu");
  EXPECT_EQ(model, nullptr);
  // A caller that is older than the option gets the best.
  options.size = offsetof(phi_model_options, device);
  ASSERT_EQ(api().model_open(&options, block.memory, block.bytes, &model, nullptr), PHI_OK);
  api().model_close(model);
}

TEST(Library, CancelKeepsWhatIsDone) {
  Model model;
  int32_t cancel = 1;
  phi_session_options options = optionsFor(100, 1);
  options.cancel = &cancel;
  Session session(model.model, options);
  std::vector<int32_t> ids = iota(20);
  EXPECT_EQ(api().prefill(session.session, ids.data(), 20, nullptr), PHI_CANCELLED);
  EXPECT_EQ(api().length(session.session), 0);
  __atomic_store_n(&cancel, 0, __ATOMIC_RELAXED);
  EXPECT_EQ(session.generate(ids, 3), fake::expected(ids, 3));
}

TEST(Library, LogsHowTheModelWasOpened) {
  Block block(api().model_bytes());
  std::string text;
  phi_model_options options = {};
  options.size = sizeof(options);
  options.log = [](void *state, const char *line) { *static_cast<std::string *>(state) += line; };
  options.log_state = &text;
  phi_model *model = nullptr;
  ASSERT_EQ(api().model_open(&options, block.memory, block.bytes, &model, nullptr), PHI_OK);
  EXPECT_EQ(text, "fake: code for fake, weights embedded");
  api().model_close(model);
}

TEST(Library, SamplesLikeTheProgram) {
  Model model;
  Block block(api().sampler_bytes(model.model));
  phi_sampler_options options = {};
  options.size = sizeof(options);
  options.repetition_penalty = 2;
  phi_sampler *sampler = nullptr;
  ASSERT_EQ(api().sampler_create(model.model, &options, block.memory, block.bytes, &sampler, nullptr), PHI_OK);
  std::vector<float> logits(fake::kVocab, 0);
  logits[7] = 3, logits[9] = 2;
  int32_t noted[] = {9, -5, 1000};
  api().sampler_note(sampler, noted, 3);
  EXPECT_EQ(api().sample(sampler, logits.data()), 7); // 9 is at 1
  logits[7] = 1.5, logits[9] = 4;
  EXPECT_EQ(api().sample(sampler, logits.data()), 9); // 7 is at 0.75 now, 9 at 2
  options.repetition_penalty = 1e300; // 0 times that is no number
  EXPECT_EQ(api().sampler_create(model.model, &options, block.memory, block.bytes, &sampler, nullptr),
            PHI_BAD_ARGUMENT);
  options.repetition_penalty = 2;
  options.top_p = 1.5;
  EXPECT_EQ(api().sampler_create(model.model, &options, block.memory, block.bytes, &sampler, nullptr),
            PHI_BAD_ARGUMENT);
}

TEST(Library, NullIsNeverFollowed) {
  Model model;
  float logits[fake::kVocab] = {};
  api().facts(nullptr);
  EXPECT_EQ(api().session_bytes(nullptr, nullptr), 0u);
  EXPECT_EQ(api().prefill(nullptr, nullptr, 1, nullptr), PHI_BAD_ARGUMENT);
  EXPECT_EQ(api().fork(nullptr, nullptr, nullptr, 0, nullptr, nullptr), PHI_BAD_ARGUMENT);
  EXPECT_EQ(api().logits(nullptr, 0), nullptr);
  EXPECT_EQ(api().length(nullptr), 0);
  EXPECT_EQ(api().truncate(nullptr, 0, nullptr), PHI_BAD_ARGUMENT);
  EXPECT_EQ(api().encode_work(nullptr, 1, 1), 0u);
  EXPECT_EQ(api().piece(nullptr, nullptr, 0, nullptr), 0u);
  EXPECT_EQ(api().piece_end(nullptr, nullptr, nullptr), 0u);
  EXPECT_EQ(api().sampler_bytes(nullptr), 0u);
  EXPECT_EQ(api().sampler_create(nullptr, nullptr, nullptr, 0, nullptr, nullptr), PHI_BAD_ARGUMENT);
  api().sampler_note(nullptr, nullptr, 1);
  EXPECT_EQ(api().sample(nullptr, logits), -1);
  EXPECT_EQ(api().append_embeddings(nullptr, nullptr, 1, 0, nullptr), PHI_BAD_ARGUMENT);
}

TEST(Library, TextNeedsATokenizer) {
  Model model;
  int32_t id;
  char work[64], text[64];
  phi_decoder decoder = {};
  EXPECT_EQ(api().encode_work(model.model, 10, 1), 0u);
  EXPECT_EQ(api().encode(model.model, "x", 1, 0, &id, 1, work, sizeof(work)), -PHI_MISSING);
  EXPECT_EQ(api().encode_chat(model.model, PHI_ROLE_START, nullptr, 0, -1, &id, 1, work, sizeof(work)), -PHI_MISSING);
  EXPECT_EQ(api().render(model.model, PHI_ROLE_START, nullptr, 0, text, sizeof(text)), -PHI_MISSING);
  EXPECT_EQ(api().piece(model.model, &decoder, 1, text), 0u);
}

TEST(Library, AStepAllocatesNothing) {
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "[SKIP] mallinfo2 tells nothing under a sanitizer";
#endif
  Model model;
  Session session(model.model, optionsFor(100, 2));
  std::vector<int32_t> ids = iota(20);
  fake::steps.reserve(1000);
  api().prefill(session.session, ids.data(), 20, nullptr);
  size_t before = mallinfo2().uordblks;
  api().prefill(session.session, ids.data(), 10, nullptr);
  for (int i = 0; i < 20; ++i)
    api().decode(session.session, 1, nullptr);
  EXPECT_EQ(mallinfo2().uordblks, before);
}

} // namespace
