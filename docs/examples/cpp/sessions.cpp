//===- sessions.cpp - Two conversations over one set of weights ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each thread has a session of its own; the model is shared, and read only. Both begin with the same prefix, computed once
// and forked. One session runs on its own thread alone, the other brings a pool of threads.
#include "model.h"
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Free {
  void operator()(void *memory) const { std::free(memory); }
};
using Block = std::unique_ptr<void, Free>;

Block block(size_t bytes) { return Block(std::aligned_alloc(64, (bytes + 63) / 64 * 64)); }

void check(phi_status status, const phi_error &error) {
  if (status != PHI_OK)
    throw std::runtime_error(error.text);
}

class Model {
public:
  explicit Model(const phi_api *table) : api(*table), memory(block(api.model_bytes())) {
    facts.size = sizeof(facts);
    api.facts(&facts);
    phi_error error;
    check(api.model_open(nullptr, memory.get(), api.model_bytes(), &model, &error), error);
  }
  ~Model() { api.model_close(model); }

  std::vector<int32_t> encode(const std::string &text) const {
    Block work = block(api.encode_work(model, text.size(), 0));
    std::vector<int32_t> ids(facts.context_default);
    int64_t count = api.encode(model, text.data(), text.size(), PHI_ENCODE_PREFIX, ids.data(), ids.size(), work.get(),
                               api.encode_work(model, text.size(), 0));
    if (count < 0 || count > int64_t(ids.size()))
      throw std::runtime_error("the text cannot be encoded");
    ids.resize(size_t(count));
    return ids;
  }

  const phi_api &api;
  phi_facts facts = {};
  phi_model *model = nullptr;

private:
  Block memory;
};

class Session {
public:
  Session(const Model &model, const phi_session_options &options, const Session *from = nullptr)
      : model(model), memory(block(model.api.session_bytes(model.model, &options))) {
    uint64_t bytes = model.api.session_bytes(model.model, &options);
    phi_error error;
    check(from ? model.api.fork(from->session, &options, memory.get(), bytes, &session, &error)
               : model.api.session_create(model.model, &options, memory.get(), bytes, &session, &error),
          error);
  }
  ~Session() { model.api.session_free(session); }

  void prefill(const std::vector<int32_t> &ids) {
    phi_error error;
    check(model.api.prefill(session, ids.data(), int64_t(ids.size()), &error), error);
  }

  /// The text of `count` more tokens, sampled with this seed.
  std::string generate(int count, uint64_t seed) {
    phi_error error;
    phi_sampler_options options = {};
    options.size = sizeof(options);
    options.temperature = 0.8;
    options.top_p = 0.95;
    options.seed = seed;
    size_t bytes = model.api.sampler_bytes(model.model);
    Block samplerMemory = block(bytes);
    phi_sampler *sampler = nullptr;
    check(model.api.sampler_create(model.model, &options, samplerMemory.get(), bytes, &sampler, &error), error);
    std::string text, piece(model.facts.piece_bytes, '\0');
    phi_decoder decoder = {};
    for (int i = 0; i < count; ++i) {
      int32_t id = model.api.sample(sampler, model.api.logits(session, 0));
      text.append(piece.data(), model.api.piece(model.model, &decoder, id, piece.data()));
      check(model.api.decode(session, id, &error), error);
    }
    return text.append(piece.data(), model.api.piece_end(model.model, &decoder, piece.data()));
  }

private:
  const Model &model;
  Block memory;
  phi_session *session = nullptr;
};

/// One more thread than the caller's, waiting for work; what an application's own pool would do.
class Pool {
public:
  Pool() : thread([this] { run(); }) {}
  ~Pool() {
    start(nullptr, nullptr);
    thread.join();
  }
  phi_pool handle() { return {parallel, this}; }

private:
  using Body = void (*)(void *, int32_t);

  static void parallel(void *state, int32_t threads, Body body, void *argument) {
    auto *pool = static_cast<Pool *>(state);
    if (threads > 1)
      pool->start(body, argument);
    body(argument, 0);
    std::unique_lock lock(pool->mutex);
    pool->changed.wait(lock, [&] { return !pool->busy; });
  }
  void start(Body newBody, void *newArgument) {
    std::lock_guard lock(mutex);
    body = newBody;
    argument = newArgument;
    busy = true;
    changed.notify_all();
  }
  void run() {
    for (std::unique_lock lock(mutex);;) {
      changed.wait(lock, [&] { return busy; });
      if (!body)
        return;
      lock.unlock();
      body(argument, 1);
      lock.lock();
      busy = false;
      changed.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool busy = false;
  Body body = nullptr;
  void *argument = nullptr;
  std::thread thread; // last: it uses the others
};

} // namespace

int main(int argc, char **argv) try {
  Model model(phi_query_model(PHI_ABI_VERSION));
  phi_session_options options = {};
  options.size = sizeof(options);
  Session prefix(model, options);
  prefix.prefill(model.encode(argc > 1 ? argv[1] : "Once upon a time"));

  Pool pool;
  std::string answers[2];
  std::thread users[2];
  for (int i = 0; i < 2; ++i)
    users[i] = std::thread([&, i] {
      phi_session_options mine = options;
      if (i == 1) {
        mine.threads = 2;
        mine.pool = pool.handle();
      }
      answers[i] = Session(model, mine, &prefix).generate(16, /*seed=*/7);
    });
  for (std::thread &user : users)
    user.join();
  std::printf("%s\n%s\n", answers[0].c_str(), answers[1].c_str());
  // Results do not depend on threads.
  return answers[0] == answers[1] ? 0 : 1;
} catch (const std::exception &failure) {
  std::fprintf(stderr, "%s\n", failure.what());
  return 1;
}
