//===- Json.cpp - JSON, read and written -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Json.h"
#include <vector>

namespace phic {
namespace {

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
  bool binary(Json::binary_t &) override { return false; } // never: JSON has none
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string &name) override {
    keys.back() = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string &token, const nlohmann::detail::exception &why) override {
    constexpr int kNumberTooLarge = 406; // "out_of_range.406"
    error = why.id == kNumberTooLarge ? "a number that is too large, " + token
                                      : "not valid JSON at byte " + std::to_string(position);
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
    if (open_.size() == kMostJsonLevels) {
      error = "nested deeper than " + std::to_string(kMostJsonLevels) + " levels";
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

llvm::Expected<Json> parseJson(llvm::StringRef text, llvm::StringRef name) {
  TreeBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder))
    return llvm::createStringError(name + ": " + builder.error);
  return std::move(builder.root);
}

std::string printJson(const Json &value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

const Json *member(const Json &value, const char *key) {
  if (!value.is_object())
    return nullptr;
  auto it = value.find(key);
  return it == value.end() || it->is_null() ? nullptr : &*it;
}

const Json &listIn(const Json &value, const char *key) {
  static const Json none = Json::array();
  const Json *found = member(value, key);
  return found && found->is_array() ? *found : none;
}

std::string stringOr(const Json &value, const char *key, llvm::StringRef fallback) {
  const Json *found = member(value, key);
  return found && found->is_string() ? found->get_ref<const std::string &>() : fallback.str();
}

bool boolOr(const Json &value, const char *key, bool fallback) {
  const Json *found = member(value, key);
  return found && found->is_boolean() ? found->get<bool>() : fallback;
}

double numberOr(const Json &value, const char *key, double fallback) {
  const Json *found = member(value, key);
  return found && found->is_number() ? found->get<double>() : fallback;
}

} // namespace phic
