//===- GgufTokenizer.cpp - The tokenizer in a GGUF file --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GGUF file holds less than tokenizer.json: the pre-tokenizer is a name, added
// tokens have no flags, a SentencePiece model has scores instead of merges. The
// rest is put back as the published models have it, so that the ids are those
// of the model's own tokenizer.json.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufTokenizer.h"
#include "compiler/tokenizer/CharacterSet.h"
#include "compiler/tokenizer/JsonFields.h"
#include "compiler/tokenizer/TokenizerSource.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <algorithm>
#include <cmath>
#include <tuple>

namespace phic::gguf {
namespace {

using namespace tokenizer;

/// Bounds the work of trying all ways to make a token of two.
constexpr size_t MaxMergedBytes = 1024;

enum TokenType : int64_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

const char llama3Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char gpt4oPattern[] =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// What a pre-tokenizer name stands for.
struct PreTokenizer {
  const char *name;
  const char *patterns[2];
  bool ignoreMerges;
  bool addsBos; ///< where the file does not say
};

const PreTokenizer preTokenizers[] = {
    {"default", {gpt2Pattern, nullptr}, false, false},    {"gpt-2", {gpt2Pattern, nullptr}, false, false},
    {"phi-2", {gpt2Pattern, nullptr}, false, false},      {"smollm", {"\\p{N}", gpt2Pattern}, false, false},
    {"starcoder", {"\\p{N}", gpt2Pattern}, false, false}, {"llama-bpe", {llama3Pattern, nullptr}, true, true},
    {"llama3", {llama3Pattern, nullptr}, true, true},     {"llama-v3", {llama3Pattern, nullptr}, true, true},
    {"dbrx", {llama3Pattern, nullptr}, false, false},     {"gpt-4o", {gpt4oPattern, nullptr}, false, false},
};

class GgufTokenizerReader {
public:
  explicit GgufTokenizerReader(const GgufFile &file) : file(file) {}

  llvm::Expected<TokenizerModel> run() {
    auto name = file.get<llvm::StringRef>("tokenizer.ggml.model");
    if (!name)
      return name.takeError();
    isSentencePiece = *name == "llama";
    if (!isSentencePiece && *name != "gpt2")
      return fail("tokenizer.ggml.model '" + *name + "' is not supported, only 'gpt2' and 'llama'");
    for (auto step : {&GgufTokenizerReader::readTokens, &GgufTokenizerReader::readPreTokenizer,
                      &GgufTokenizerReader::readMerges, &GgufTokenizerReader::readAround})
      if (llvm::Error error = (this->*step)())
        return std::move(error);
    completeModel(model, /*decodesBytes=*/isSentencePiece);
    return std::move(model);
  }

private:
  llvm::Error readTokens() {
    auto names = file.get<std::vector<llvm::StringRef>>("tokenizer.ggml.tokens");
    if (!names)
      return names.takeError();
    auto types =
        file.getOr<std::vector<int64_t>>("tokenizer.ggml.token_type", std::vector<int64_t>(names->size(), Normal));
    if (!types)
      return types.takeError();
    if (names->empty() || names->size() > static_cast<size_t>(MaxId) || types->size() != names->size())
      return fail("tokenizer.ggml.tokens has " + llvm::Twine(names->size()) + " entries, token_type " +
                  llvm::Twine(types->size()));
    model.tokens.resize(names->size());
    for (size_t id = 0; id < names->size(); ++id)
      if (llvm::Error error = readToken(static_cast<int32_t>(id), (*names)[id], (*types)[id]))
        return error;
    return llvm::Error::success();
  }

  llvm::Error readToken(int32_t id, llvm::StringRef name, int64_t type) {
    if (!isUtf8(name))
      return fail("tokenizer.ggml.tokens[" + llvm::Twine(id) + "] is not valid UTF-8");
    Token &token = model.tokens[id];
    token.source = name.str();
    if (type == Unused || name.empty())
      return llvm::Error::success(); // rows that only fill the embedding up
    token.flags = PHI_TOKEN_PRESENT;
    token.merges = type == Normal || type == Byte;
    if (type == Control || type == Unknown)
      token.flags |= PHI_TOKEN_SPECIAL;
    if (type == Unknown)
      model.unknownId = id;
    if (type == Control || type == Unknown || type == UserDefined)
      addToken(id, name, type);
    if (!ids.try_emplace(name, id).second && token.merges)
      model.warnings.push_back("tokenizer.ggml.tokens: '" + token.source + "' stands there twice");
    return llvm::Error::success();
  }

  /// GGUF has no flags for added tokens. Published SentencePiece models of the Phi-3
  /// family let all but these take the white space after them.
  void addToken(int32_t id, llvm::StringRef name, int64_t type) {
    AddedToken added;
    added.content = name.str();
    added.id = id;
    added.special = type != UserDefined;
    added.normalized = type == UserDefined && !isSentencePiece;
    auto architecture = file.getOr<llvm::StringRef>("general.architecture", "");
    const bool isPhi3 = architecture && isSentencePiece && architecture->starts_with("phi");
    if (!architecture)
      llvm::consumeError(architecture.takeError());
    added.rstrip = isPhi3 && name != "<unk>" && name != "<s>" && name != "<|endoftext|>";
    model.added.push_back(std::move(added));
  }

  llvm::Error readPreTokenizer() {
    if (isSentencePiece) {
      model.flags |= PHI_TOKENIZER_ESCAPED | PHI_TOKENIZER_BYTE_FALLBACK | PHI_TOKENIZER_FUSE_UNKNOWN;
      auto prefix = file.getOr<bool>("tokenizer.ggml.add_space_prefix", true);
      if (!prefix)
        return prefix.takeError();
      if (*prefix) {
        model.flags |= PHI_TOKENIZER_STRIP_SPACE;
        model.prepend = PHI_PREPEND_ALWAYS;
      }
      addsBos = true;
      return llvm::Error::success();
    }
    auto name = file.getOr<llvm::StringRef>("tokenizer.ggml.pre", "default");
    if (!name)
      return name.takeError();
    model.flags |= PHI_TOKENIZER_BYTES;
    const auto *known = std::find_if(std::begin(preTokenizers), std::end(preTokenizers),
                                     [&](const PreTokenizer &entry) { return *name == entry.name; });
    if (known == std::end(preTokenizers))
      return fail("tokenizer.ggml.pre '" + *name + "' is not supported");
    if (*name == "default")
      model.warnings.push_back("tokenizer.ggml.pre does not name the pre-tokenizer: GPT-2's is assumed");
    for (const char *pattern : known->patterns)
      if (pattern)
        model.splits.push_back({pattern, 3});
    if (known->ignoreMerges)
      model.flags |= PHI_TOKENIZER_IGNORE_MERGES;
    addsBos = known->addsBos;
    return llvm::Error::success();
  }

  llvm::Error readMerges() {
    if (isSentencePiece)
      return rankByScore();
    auto merges = file.get<std::vector<llvm::StringRef>>("tokenizer.ggml.merges");
    if (!merges)
      return merges.takeError();
    llvm::DenseMap<std::pair<int32_t, int32_t>, uint32_t> known;
    for (uint32_t rank = 0; rank < merges->size(); ++rank) {
      auto [left, right] = (*merges)[rank].split(' ');
      auto leftId = ids.find(left), rightId = ids.find(right), mergedId = ids.find((left + right).str());
      if (leftId == ids.end() || rightId == ids.end() || mergedId == ids.end())
        return fail("tokenizer.ggml.merges[" + llvm::Twine(rank) + "] '" + (*merges)[rank] +
                    "' names or makes a token that is not in the vocabulary");
      if (!known.try_emplace({leftId->second, rightId->second}, rank).second) {
        model.warnings.push_back("tokenizer.ggml.merges lists '" + (*merges)[rank].str() +
                                 "' twice: the first time counts");
        continue;
      }
      model.merges.push_back({leftId->second, rightId->second, mergedId->second, rank});
    }
    return llvm::Error::success();
  }

  /// A SentencePiece token may be made of any two tokens that spell it; the one of
  /// highest score first. The order among equals is that of Hugging Face's converter.
  llvm::Error rankByScore() {
    auto scores = file.get<std::vector<double>>("tokenizer.ggml.scores");
    if (!scores)
      return scores.takeError();
    if (scores->size() != model.tokens.size())
      return fail("tokenizer.ggml.scores has " + llvm::Twine(scores->size()) + " entries for " +
                  llvm::Twine(model.tokens.size()) + " tokens");
    struct Candidate {
      double score;
      size_t leftLength, rightLength;
      Merge merge;
    };
    std::vector<Candidate> candidates;
    for (int32_t id = 0; id < static_cast<int32_t>(model.tokens.size()); ++id) {
      if (!model.tokens[id].merges || byteOfName(model.tokens[id].source) >= 0)
        continue;
      if (!std::isfinite((*scores)[id]))
        return fail("tokenizer.ggml.scores[" + llvm::Twine(id) + "] is not a number");
      llvm::StringRef name = model.tokens[id].source;
      if (name.size() > MaxMergedBytes)
        return fail("tokenizer.ggml.tokens[" + llvm::Twine(id) + "] is longer than " + llvm::Twine(MaxMergedBytes) +
                    " bytes");
      for (size_t cut = 1; cut < name.size(); ++cut) {
        const int32_t left = mergeable(name.take_front(cut)), right = mergeable(name.drop_front(cut));
        if (left >= 0 && right >= 0)
          candidates.push_back({(*scores)[id],
                                decodeUtf8(name.take_front(cut)).size(),
                                decodeUtf8(name.drop_front(cut)).size(),
                                {left, right, id, 0}});
      }
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate &a, const Candidate &b) {
      // The last pair is ascending.
      return std::tie(a.score, a.leftLength, a.rightLength, b.merge.merged) >
             std::tie(b.score, b.leftLength, b.rightLength, a.merge.merged);
    });
    for (uint32_t rank = 0; rank < candidates.size(); ++rank) {
      candidates[rank].merge.rank = rank;
      model.merges.push_back(candidates[rank].merge);
    }
    return llvm::Error::success();
  }

  /// The token of that spelling, if merges may make or use it; else -1.
  int32_t mergeable(llvm::StringRef name) const {
    auto it = ids.find(name);
    return it != ids.end() && model.tokens[it->second].merges ? it->second : -1;
  }

  bool isToken(int64_t id) const {
    return id >= 0 && id < static_cast<int64_t>(model.tokens.size()) && model.tokens[id].flags;
  }

  /// What no token has (converters write -1 for none) is left as it is, with a warning. A SentencePiece model that names
  /// no token has the one that `usual` is, as llama.cpp takes it.
  llvm::Error readId(const char *key, int32_t usual, int32_t &id) {
    auto value = file.find<int64_t>(std::string("tokenizer.ggml.") + key);
    if (!value)
      return value.takeError();
    if (*value && isToken(**value)) {
      id = static_cast<int32_t>(**value);
      return llvm::Error::success();
    }
    if (id < 0 && isSentencePiece && isToken(usual))
      id = usual;
    if (*value)
      model.warnings.push_back(std::string("tokenizer.ggml.") + key + " " + std::to_string(**value) +
                               " is no token: " + (id < 0 ? "left out" : "token " + std::to_string(id) + " is taken"));
    return llvm::Error::success();
  }

  llvm::Error readAround() {
    const std::tuple<const char *, int32_t, int32_t *> ids[] = {{"bos_token_id", 1, &model.bosId},
                                                                {"eos_token_id", 2, &model.eosId},
                                                                {"unknown_token_id", 0, &model.unknownId}};
    for (auto [key, usual, id] : ids)
      if (llvm::Error error = readId(key, usual, *id))
        return error;
    auto bos = file.getOr<bool>("tokenizer.ggml.add_bos_token", addsBos);
    auto eos = file.getOr<bool>("tokenizer.ggml.add_eos_token", false);
    if (!bos || !eos)
      return llvm::joinErrors(bos.takeError(), eos.takeError());
    if ((*bos && model.bosId < 0) || (*eos && model.eosId < 0))
      model.warnings.push_back("tokenizer.ggml names no token that it adds before or after a text: none is added");
    if (*bos && model.bosId >= 0)
      model.prefix = {model.bosId};
    if (*eos && model.eosId >= 0)
      model.suffix = {model.eosId};
    return llvm::Error::success();
  }

  const GgufFile &file;
  TokenizerModel model;
  llvm::StringMap<int32_t> ids;
  bool isSentencePiece = false, addsBos = false;
};

} // namespace

/// A file may hold none: it says so, or says nothing.
static bool hasTokenizer(const GgufFile &file) {
  auto name = file.getOr<llvm::StringRef>("tokenizer.ggml.model", "none");
  if (!name)
    return llvm::consumeError(name.takeError()), true; // an error of the reader
  return *name != "none" && *name != "no_vocab";
}

llvm::Expected<CompiledTokenizer> compileTokenizer(const GgufFile &file) {
  if (!hasTokenizer(file))
    return noTokenizer("the file has no tokenizer");
  llvm::Expected<TokenizerModel> model = GgufTokenizerReader(file).run();
  if (!model)
    return model.takeError();
  TokenizerSource source;
  auto spelled = [&](int32_t id) { return id < 0 ? std::string() : model->tokens[id].source; };
  source.tokens = {spelled(model->bosId), spelled(model->eosId), spelled(model->unknownId), "", ""};
  for (const char *key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    llvm::Expected<std::optional<int64_t>> id = file.find<int64_t>(key);
    if (!id)
      return id.takeError();
    if (*id)
      source.stopIds.push_back(**id < 0 || **id > MaxId ? -1 : static_cast<int32_t>(**id));
  }
  llvm::Expected<llvm::StringRef> chat = file.getOr<llvm::StringRef>("tokenizer.chat_template", "");
  if (!chat)
    return chat.takeError();
  if (!isUtf8(*chat))
    return fail("tokenizer.chat_template is not valid UTF-8");
  source.chatTemplate = chat->str();
  source.model = std::move(*model);
  return compileTokenizer(std::move(source));
}

} // namespace phic::gguf
