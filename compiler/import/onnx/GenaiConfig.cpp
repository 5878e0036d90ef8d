//===- GenaiConfig.cpp - genai_config.json ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/GenaiConfig.h"
#include "compiler/files/Json.h"
#include "llvm/ADT/STLExtras.h"
#include <set>

namespace phic::onnx {
namespace {

/// Reads typed members and remembers the first that has the wrong type or range.
class Members {
public:
  explicit Members(std::string &problem) : problem(problem) {}

  const Json *object(const Json *parent, const char *key) { return typed(parent, key, &Json::is_object, "an object"); }

  void text(const Json *parent, const char *key, std::string &into) {
    if (const Json *value = typed(parent, key, &Json::is_string, "a string"))
      into = value->get<std::string>();
  }
  void number(const Json *parent, const SamplingRange &range, float &into) {
    const Json *value = typed(parent, range.name, &Json::is_number, "a number");
    if (!value)
      return;
    into = float(value->get<double>());
    if (std::string wrong = range.check(value->get<double>()); !wrong.empty() && problem.empty())
      problem = wrong;
  }
  std::optional<int64_t> integer(const Json *parent, const char *key, int64_t low, int64_t high) {
    const Json *value = typed(parent, key, &Json::is_number_integer, "an integer");
    return value ? inRange(*value, key, low, high) : std::nullopt;
  }
  std::optional<int64_t> inRange(const Json &value, const char *key, int64_t low, int64_t high) {
    const std::optional<int64_t> integer = integerOf<int64_t>(value);
    if (integer && *integer >= low && *integer <= high)
      return integer;
    complain(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
  }

private:
  /// The member, or nullptr when it is absent or null.
  const Json *typed(const Json *parent, const char *key, bool (Json::*is)() const noexcept, const char *what) {
    const Json *found = parent ? member(*parent, key) : nullptr;
    if (!found || ((*found).*is)())
      return found;
    complain(key, what);
    return nullptr;
  }
  void complain(const char *key, const std::string &wanted) {
    if (problem.empty())
      problem = "'" + std::string(key) + "' must be " + wanted;
  }
  std::string &problem;
};

void readStopIds(const Json *model, Members &members, GenaiConfig &config) {
  constexpr int64_t kMaxId = INT32_MAX;
  const Json *found = model ? member(*model, "eos_token_id") : nullptr;
  if (!found)
    return;
  std::set<int64_t> known;
  auto add = [&](const Json &id) {
    if (auto value = members.inRange(id, "eos_token_id", 0, kMaxId); value && known.insert(*value).second)
      config.stopIds.push_back(int32_t(*value));
  };
  if (found->is_array())
    llvm::for_each(*found, add);
  else
    add(*found);
}

/// Settings that are used, and those without effect on which tokens come out.
constexpr llvm::StringRef kKnownSettings[] = {"do_sample",      "top_p",          "min_p",
                                              "top_k",          "temperature",    "repetition_penalty",
                                              "max_length",     "random_seed",    "past_present_share_buffer",
                                              "early_stopping", "length_penalty", "diversity_penalty",
                                              "blank_penalty",  "batch_size",     "chunk_size"};
/// Settings of searches that a program does not do, and the number that asks for none.
constexpr std::pair<llvm::StringRef, int> kOtherSearches[] = {
    {"num_beams", 1}, {"num_return_sequences", 1}, {"no_repeat_ngram_size", 0}, {"min_length", 0}};

void noteIgnored(const Json &search, GenaiConfig &config) {
  for (const auto &[key, value] : search.items()) {
    const auto *other = llvm::find_if(kOtherSearches, [&](const auto &row) { return row.first == key; });
    const bool isKnown = other == std::end(kOtherSearches) ? llvm::is_contained(kKnownSettings, key)
                                                           : integerOf<int>(value) == other->second;
    if (!isKnown && !value.is_null())
      config.ignored.push_back("search." + key);
  }
}

void readSearch(const Json *search, Members &members, GenaiConfig &config) {
  if (search)
    noteIgnored(*search, config);
  const bool sample = search && boolOr(*search, "do_sample", false);
  members.number(search, kTopP, config.sampling.topP);
  members.number(search, kMinP, config.sampling.minP);
  members.number(search, kRepetitionPenalty, config.sampling.repetitionPenalty);
  config.sampling.topK = members.integer(search, kTopK.name, int64_t(kTopK.least), int64_t(kTopK.most)).value_or(0);
  float temperature = 1;
  members.number(search, kTemperature, temperature);
  config.sampling.temperature = sample ? temperature : 0;
}

} // namespace

llvm::Expected<GenaiConfig> parseGenaiConfig(llvm::StringRef text, llvm::StringRef name) {
  llvm::Expected<Json> json = parseJson(text, name);
  if (!json)
    return json.takeError();
  auto fail = [&](const std::string &what) { return llvm::createStringError(name + ": " + what); };
  if (!json->is_object())
    return fail("is not a JSON object");
  GenaiConfig config;
  std::string problem;
  Members members(problem);
  const Json *model = members.object(&*json, "model");
  const Json *decoder = members.object(model, "decoder");
  const Json *inputs = members.object(decoder, "inputs");
  const Json *outputs = members.object(decoder, "outputs");
  members.text(model, "type", config.type);
  members.text(decoder, "filename", config.fileName);
  members.text(inputs, "input_ids", config.inputIds);
  members.text(inputs, "inputs_embeds", config.inputsEmbeds);
  members.text(inputs, "attention_mask", config.attentionMask);
  members.text(inputs, "position_ids", config.positionIds);
  members.text(outputs, "logits", config.logits);
  config.contextLength = members.integer(model, "context_length", 1, int64_t(1) << 30);
  readStopIds(model, members, config);
  readSearch(members.object(&*json, "search"), members, config);
  if (!problem.empty())
    return fail(problem);
  return config;
}

} // namespace phic::onnx
