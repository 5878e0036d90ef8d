//===- Json.cpp - Untrusted JSON as a tree --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Json.h"
#include <vector>

namespace phic::tokenizer {
namespace {

constexpr size_t MaxDepth = 64;

/// Builds the tree from the parser's events. Nothing here recurses, so that the
/// depth of the input costs no stack; it is bounded for those who walk the tree.
class TreeBuilder : public nlohmann::json_sax<Json> {
public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string &) override { return add(value); }
  bool string(std::string &value) override { return add(std::move(value)); }
  bool binary(Json::binary_t &) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string &name) override {
    keys.back() = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &) override {
    error = "not valid JSON at byte " + std::to_string(position);
    return false;
  }

  std::string error;
  Json root;

private:
  Json *place(Json value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json &parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json &slot = parent[keys.back()];
    slot = std::move(value); // of equal keys the last one counts, as in Hugging Face's reader
    return &slot;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (open_.size() == MaxDepth) {
      error = "nested deeper than " + std::to_string(MaxDepth) + " levels";
      return false;
    }
    // The parent does not change while its child is open, so the pointer holds.
    open_.push_back(place(std::move(value)));
    keys.emplace_back();
    return true;
  }

  bool close() {
    open_.pop_back();
    keys.pop_back();
    return true;
  }

  std::vector<Json *> open_;
  std::vector<std::string> keys;
};

} // namespace

llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<Json> parseJson(llvm::StringRef text, llvm::StringRef name) {
  TreeBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder))
    return fail(name + ": " + (builder.error.empty() ? "not valid JSON" : builder.error));
  return std::move(builder.root);
}

const Json *member(const Json &value, const char *key) {
  if (!value.is_object())
    return nullptr;
  auto it = value.find(key);
  return it == value.end() || it->is_null() ? nullptr : &*it;
}

std::string stringOr(const Json &value, const char *key, llvm::StringRef fallback) {
  const Json *found = member(value, key);
  return found && found->is_string() ? found->get_ref<const std::string &>() : fallback.str();
}

bool boolOr(const Json &value, const char *key, bool fallback) {
  const Json *found = member(value, key);
  return found && found->is_boolean() ? found->get<bool>() : fallback;
}

std::optional<int32_t> idOf(const Json &value) {
  if (!value.is_number_integer())
    return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(MaxId))
    return std::nullopt;
  const int64_t id = value.get<int64_t>();
  if (id < 0 || id > MaxId)
    return std::nullopt;
  return static_cast<int32_t>(id);
}

} // namespace phic::tokenizer
