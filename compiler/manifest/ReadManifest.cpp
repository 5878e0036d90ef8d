//===- ReadManifest.cpp - What a program says, read back -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shape of a manifest is an example of one: a text stands for texts, a number for numbers, the one element of an
// array for each of its elements, and the key "*" for every key.
//===----------------------------------------------------------------------===//
#include "compiler/manifest/ReadManifest.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/Compression.h"

namespace phic {
namespace {

constexpr char kExample[] = R"({
  "phic": "", "name": "", "target": "", "cpu_variants": [""], "act": "", "kv": "", "bits_per_weight": 0,
  "precision": "", "conversions": "",
  "converted_weights": [{"name": "", "stored_format": "", "format": "", "method": "", "relative_rms": 0, "greatest": 0}],
  "weights_file": "", "plugins": [""], "weight_bytes": 0, "tokenizer_bytes": 0, "vocab": 0, "context_max": 0,
  "entries": [{"name": "", "most_rows": 0, "bindings": [{"kind": "", "name": "", "element": "", "shape": ""}]}],
  "formats": {"*": {"tensors": 0, "weights": 0, "bits_per_weight": 0}},
  "kernels": [{"cpu_variant": "", "stage": "", "entry": "", "symbol": "", "generator": ""}],
  "files": [""],
  "plans": [{"device": "", "variants": [""], "weights_offset": 0, "weight_bytes": 0, "arena_bytes": 0,
             "scratch_bytes": 0, "kv_bytes_per_token": 0, "chunk_rows": 0, "ir": "", "packed": ""}]
})";

/// The path of what is not as in the example, "plans[0].ir"; empty: nothing.
std::string unlike(const Json &value, const Json &example, const std::string &path) {
  if (value.is_number() && example.is_number())
    return value.is_number_integer() && value < 0 ? path : "";
  if (value.type() != example.type())
    return path;
  std::string found;
  if (example.is_array())
    for (size_t i = 0; i < value.size() && found.empty(); ++i)
      found = unlike(value[i], example.front(), path + "[" + std::to_string(i) + "]");
  if (example.is_object())
    for (auto &[key, part] : value.items()) {
      auto known = example.find(example.contains("*") ? "*" : key);
      if (found.empty() && known != example.end())
        found = unlike(part, *known, path.empty() ? key : path + "." + key);
    }
  return found;
}

/// What "SIZE:BASE64" of zlib's bytes holds; empty where it is none of that.
std::string readPackedText(llvm::StringRef packed) {
  auto [size, digits] = packed.split(':');
  std::vector<char> bytes;
  uint64_t count = 0;
  llvm::SmallVector<uint8_t, 0> text;
  if (llvm::Error error = llvm::decodeBase64(digits, bytes)) {
    llvm::consumeError(std::move(error));
    return "";
  }
  constexpr uint64_t kMost = uint64_t(1) << 30; // far more than any
  if (size.getAsInteger(10, count) || count > kMost)
    return "";
  const auto *begin = reinterpret_cast<const uint8_t *>(bytes.data());
  if (llvm::Error error = llvm::compression::zlib::decompress({begin, bytes.size()}, text, count)) {
    llvm::consumeError(std::move(error));
    return "";
  }
  return text.size() == count ? std::string(text.begin(), text.end()) : "";
}

/// Puts a plan's IR and kernels where others have them. What is damaged stays, as a number.
void unpackPlan(Json &plan, Json &manifest) {
  const std::string packed = stringOr(plan, "packed", "");
  if (packed.empty())
    return;
  auto unpacked = parseJson(readPackedText(packed), "packed");
  if (!unpacked || !unpacked->is_object()) {
    llvm::consumeError(unpacked.takeError());
    plan["packed"] = 0;
    return;
  }
  plan.erase("packed");
  plan["ir"] = (*unpacked)["ir"];
  for (Json &kernel : (*unpacked)["kernels"])
    manifest["kernels"].push_back(std::move(kernel));
}

} // namespace

llvm::Expected<Json> readManifest(llvm::StringRef text, llvm::StringRef file) {
  llvm::Expected<Json> manifest = parseJson(text, (file + ": the manifest").str());
  if (!manifest)
    return manifest;
  if (!listIn(*manifest, "plans").empty() && !listIn(*manifest, "kernels").empty())
    for (Json &plan : (*manifest)["plans"])
      unpackPlan(plan, *manifest);
  const Json example = llvm::cantFail(parseJson(kExample, "the example"));
  std::string wrong = manifest->is_object() ? unlike(*manifest, example, "") : "it";
  if (wrong.empty())
    return manifest;
  return llvm::createStringError(file + ": the manifest is damaged: '" + wrong + "' is not what phic writes there");
}

} // namespace phic
