//===- HuggingFace.cpp - Reading tokenizer.json ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tokenizer.json is a description of a pipeline: normalizer, pre-tokenizer,
// model, post-processor, decoder, each one of many types. Those that byte-level
// and SentencePiece-style BPE tokenizers use become the fields of
// TokenizerModel; any other is an error that names it. The meaning is that of
// the `tokenizers` library, quirks included.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/HuggingFace.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

namespace phic::tokenizer {
namespace {

const char lowerBlock[] = "\xE2\x96\x81"; // U+2581

/// Escapes a literal text for the pattern compiler.
std::string literalPattern(llvm::StringRef text) {
  std::string pattern;
  for (char c : text) {
    if (llvm::StringRef("\\^$.|?*+()[]{}").contains(c))
      pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

class HuggingFaceReader {
public:
  HuggingFaceReader(const Json &root, llvm::ArrayRef<AddedToken> extra) : root(root), extra(extra) {}

  llvm::Expected<TokenizerModel> run() {
    // The pre-tokenizer decides whether symbols are bytes, which the model needs to know.
    for (auto step :
         {&HuggingFaceReader::readNormalizer, &HuggingFaceReader::readPreTokenizer, &HuggingFaceReader::readModel,
          &HuggingFaceReader::readAdded, &HuggingFaceReader::readDecoder, &HuggingFaceReader::readPostProcessor})
      if (llvm::Error error = (this->*step)())
        return std::move(error);
    completeModel(model, decodesBytes);
    return std::move(model);
  }

private:
  static llvm::Error problem(const llvm::Twine &what) { return fail("tokenizer.json: " + what); }

  /// Calls visit(entry) for the entries of a Sequence (in `list`), or for the one entry, or not for
  /// null.
  template <typename Visit> llvm::Error forEach(const Json *entry, const char *list, Visit visit, int depth = 0) {
    if (!entry)
      return llvm::Error::success();
    if (typeOf(*entry) != "Sequence")
      return visit(*entry);
    const Json *entries = member(*entry, list);
    if (!entries || !entries->is_array() || depth == 4)
      return problem(llvm::Twine("a Sequence without '") + list + "', or nested deeper than 4");
    for (const Json &inner : *entries)
      if (llvm::Error error = forEach(&inner, list, visit, depth + 1))
        return error;
    return llvm::Error::success();
  }

  //===------------------------------------------------------------------===//
  // Normalizer, pre-tokenizer
  //===------------------------------------------------------------------===//

  llvm::Error readNormalizer() {
    bool prepends = false;
    llvm::Error error = forEach(member(root, "normalizer"), "normalizers", [&](const Json &entry) -> llvm::Error {
      const std::string type = typeOf(entry);
      if (type == "Prepend") {
        const std::string text = stringOr(entry, "prepend", "");
        if (text != lowerBlock && text != " ")
          return problem("normalizer Prepend of '" + text + "' is not supported, only of U+2581");
        prepends = true;
        return llvm::Error::success();
      }
      // It changes neither spaces nor U+2581, so that its place among the others does not matter.
      if (type == "NFC") {
        model.flags |= PHI_TOKENIZER_COMPOSED;
        return llvm::Error::success();
      }
      if (type == "Replace" && isSpaceEscape(entry, " ", lowerBlock)) {
        model.flags |= PHI_TOKENIZER_ESCAPED;
        model.normalizerEscapes = true;
        return llvm::Error::success();
      }
      return problem("normalizer '" + type + "'" + (type == "Replace" ? " of other than a space by U+2581" : "") +
                     " is not supported");
    });
    if (error)
      return error;
    if (prepends && !(model.flags & PHI_TOKENIZER_ESCAPED))
      return problem("normalizer Prepend without Replace of a space by U+2581 is not supported");
    if (prepends)
      model.prepend = PHI_PREPEND_ALWAYS;
    return llvm::Error::success();
  }

  /// {"pattern": {"String": from}, "content": to}
  static bool isSpaceEscape(const Json &entry, llvm::StringRef from, llvm::StringRef to) {
    const Json *pattern = member(entry, "pattern");
    return pattern && stringOr(*pattern, "String", "") == from && stringOr(entry, "content", "") == to;
  }

  llvm::Error readPreTokenizer() {
    return forEach(member(root, "pre_tokenizer"), "pretokenizers", [&](const Json &entry) -> llvm::Error {
      const std::string type = typeOf(entry);
      if (model.flags & PHI_TOKENIZER_BYTES)
        return problem("pre-tokenizer '" + type + "' after ByteLevel is not supported");
      if (type == "Split")
        return readSplit(entry);
      if (type == "Digits") {
        model.splits.push_back({boolOr(entry, "individual_digits", false) ? "\\p{N}" : "\\p{N}+", 3});
        return llvm::Error::success();
      }
      if (type == "ByteLevel")
        return readByteLevel(entry);
      if (type == "Metaspace")
        return readMetaspace(entry);
      return problem("pre-tokenizer '" + type + "' is not supported");
    });
  }

  llvm::Error readSplit(const Json &entry) {
    const Json *pattern = member(entry, "pattern");
    const Json *regex = pattern ? member(*pattern, "Regex") : nullptr;
    const Json *literal = pattern ? member(*pattern, "String") : nullptr;
    const Json *text = regex ? regex : literal;
    if (!text || !text->is_string())
      return problem("pre-tokenizer Split has no pattern of type Regex or String");
    const std::string &source = text->get_ref<const std::string &>();
    const std::string behavior = stringOr(entry, "behavior", "");
    const bool invert = boolOr(entry, "invert", false);
    uint32_t keep = 3;
    if (behavior == "Removed")
      keep = invert ? 1 : 2;
    else if (behavior != "Isolated")
      return problem("pre-tokenizer Split with behavior '" + behavior +
                     "' is not supported, only Isolated and Removed");
    model.splits.push_back({regex ? source : literalPattern(source), keep});
    return llvm::Error::success();
  }

  llvm::Error readByteLevel(const Json &entry) {
    model.flags |= PHI_TOKENIZER_BYTES;
    if (boolOr(entry, "add_prefix_space", true)) {
      if (!model.splits.empty() || model.prepend != PHI_PREPEND_NEVER)
        return problem("pre-tokenizer ByteLevel with add_prefix_space after another step is not supported");
      model.prepend = PHI_PREPEND_UNLESS_SPACE;
    }
    if (boolOr(entry, "use_regex", true))
      model.splits.push_back({gpt2Pattern, 3});
    return llvm::Error::success();
  }

  llvm::Error readMetaspace(const Json &entry) {
    if (stringOr(entry, "replacement", "") != lowerBlock)
      return problem("pre-tokenizer Metaspace with a replacement other than U+2581 is not supported");
    if (!model.splits.empty() || model.prepend != PHI_PREPEND_NEVER)
      return problem("pre-tokenizer Metaspace after another step is not supported");
    const std::string scheme =
        stringOr(entry, "prepend_scheme", boolOr(entry, "add_prefix_space", true) ? "always" : "never");
    if (scheme == "always")
      model.prepend = PHI_PREPEND_UNLESS_SPACE;
    else if (scheme == "first")
      model.prepend = PHI_PREPEND_FIRST;
    else if (scheme != "never")
      return problem("pre-tokenizer Metaspace with prepend_scheme '" + scheme + "' is not supported");
    model.flags |= PHI_TOKENIZER_ESCAPED;
    if (boolOr(entry, "split", true))
      model.flags |= PHI_TOKENIZER_SPLIT_SPACES;
    return llvm::Error::success();
  }

  //===------------------------------------------------------------------===//
  // Model
  //===------------------------------------------------------------------===//

  llvm::Error readModel() {
    const Json *entry = member(root, "model");
    if (!entry)
      return problem("it has no model");
    const std::string type = stringOr(*entry, "type", "BPE");
    if (type != "BPE")
      return problem("model type '" + type + "' is not supported, only BPE");
    for (const char *affix : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (const std::string text = stringOr(*entry, affix, ""); !text.empty())
        return problem(llvm::Twine("model.") + affix + " '" + text + "' is not supported");
    if (const Json *dropout = member(*entry, "dropout"); dropout && *dropout != 0.0)
      model.warnings.push_back("tokenizer.json: model.dropout is ignored: merging is exact");
    if (boolOr(*entry, "ignore_merges", false))
      model.flags |= PHI_TOKENIZER_IGNORE_MERGES;
    if (boolOr(*entry, "fuse_unk", false))
      model.flags |= PHI_TOKENIZER_FUSE_UNKNOWN;
    if (boolOr(*entry, "byte_fallback", false))
      model.flags |= PHI_TOKENIZER_BYTE_FALLBACK;
    if (llvm::Error error = readVocabulary(member(*entry, "vocab")))
      return error;
    if (const std::string unknown = stringOr(*entry, "unk_token", ""); !unknown.empty()) {
      auto it = ids.find(unknown);
      if (it == ids.end())
        return problem("model.unk_token '" + unknown + "' is not in the vocabulary");
      model.unknownId = it->second;
    }
    return readMerges(member(*entry, "merges"));
  }

  llvm::Error readVocabulary(const Json *vocabulary) {
    if (!vocabulary || !vocabulary->is_object() || vocabulary->empty())
      return problem("model.vocab is not an object with tokens");
    for (const auto &[name, value] : vocabulary->items()) {
      const std::optional<int32_t> id = idOf(value);
      if (!id)
        return problem("model.vocab gives '" + name + "' no id from 0 to " + llvm::Twine(MaxId));
      if (model.tokens.size() <= static_cast<size_t>(*id))
        model.tokens.resize(static_cast<size_t>(*id) + 1);
      Token &token = model.tokens[*id];
      if (token.flags)
        return problem("tokens '" + token.source + "' and '" + name + "' have the same id " + llvm::Twine(*id));
      token.source = name;
      token.flags = PHI_TOKEN_PRESENT;
      ids[name] = *id;
    }
    return llvm::Error::success();
  }

  llvm::Error readMerges(const Json *merges) {
    if (!merges || !merges->is_array())
      return problem("model.merges is not a list");
    llvm::DenseMap<std::pair<int32_t, int32_t>, size_t> known;
    for (const Json &entry : *merges) {
      llvm::StringRef left, right;
      if (!splitMerge(entry, left, right))
        return problem("model.merges[" + llvm::Twine(model.merges.size()) + "] is not a pair of tokens");
      auto leftId = ids.find(left), rightId = ids.find(right), mergedId = ids.find((left + right).str());
      if (leftId == ids.end() || rightId == ids.end() || mergedId == ids.end())
        return problem("the merge of '" + left + "' and '" + right +
                       "' names or makes a token that is not in the vocabulary");
      const Merge merge{leftId->second, rightId->second, mergedId->second, nextRank++};
      auto [it, isNew] = known.try_emplace({merge.left, merge.right}, model.merges.size());
      if (isNew)
        model.merges.push_back(merge);
      else
        model.merges[it->second] = merge;
    }
    if (nextRank != model.merges.size())
      model.warnings.push_back(
          "tokenizer.json: " + std::to_string(nextRank - model.merges.size()) +
          " merges are listed more than once: the last place counts, as in Hugging Face's library");
    return llvm::Error::success();
  }

  /// "a b" or ["a", "b"]
  static bool splitMerge(const Json &entry, llvm::StringRef &left, llvm::StringRef &right) {
    if (entry.is_string()) {
      std::tie(left, right) = llvm::StringRef(entry.get_ref<const std::string &>()).split(' ');
      return !left.empty() && !right.empty() && !right.contains(' ');
    }
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string())
      return false;
    left = entry[0].get_ref<const std::string &>();
    right = entry[1].get_ref<const std::string &>();
    return !left.empty() && !right.empty();
  }

  //===------------------------------------------------------------------===//
  // Added tokens, decoder, post-processor
  //===------------------------------------------------------------------===//

  llvm::Error readAdded() {
    if (const Json *entries = member(root, "added_tokens")) {
      if (!entries->is_array())
        return problem("added_tokens is not a list");
      for (const Json &entry : *entries)
        if (llvm::Error error = add(readAddedToken(entry)))
          return error;
    }
    llvm::StringMap<size_t> places;
    llvm::DenseSet<int32_t> known;
    for (auto [place, token] : llvm::enumerate(model.added)) {
      places.try_emplace(token.content, place);
      known.insert(token.id);
    }
    for (const AddedToken &token : extra) {
      auto place = places.find(token.content);
      if (place != places.end()) {
        if (token.statesFlags && model.added[place->second].id == token.id)
          replaceFlags(model.added[place->second], token);
      } else if (known.insert(token.id).second) {
        if (llvm::Error error = add(token))
          return error;
        places.try_emplace(token.content, model.added.size() - 1);
      }
    }
    return llvm::Error::success();
  }

  /// What tokenizer_config.json says of a token that tokenizer.json has too wins, as in Hugging Face's library.
  void replaceFlags(AddedToken &token, const AddedToken &stated) {
    token = stated;
    uint8_t &flags = model.tokens[token.id].flags;
    flags = uint8_t(token.special ? flags | PHI_TOKEN_SPECIAL : flags & ~PHI_TOKEN_SPECIAL);
  }

  llvm::Error add(AddedToken added) {
    if (added.id < 0 || added.content.empty())
      return problem("an entry of added_tokens has no content, or no id from 0 to " + llvm::Twine(MaxId));
    auto known = ids.find(added.content);
    if (known != ids.end() && known->second != added.id)
      return problem("added token '" + added.content + "' has id " + llvm::Twine(added.id) +
                     ", but the vocabulary says " + llvm::Twine(known->second));
    if (model.tokens.size() <= static_cast<size_t>(added.id))
      model.tokens.resize(static_cast<size_t>(added.id) + 1);
    Token &token = model.tokens[added.id];
    if (token.flags && token.source != added.content)
      return problem("added token '" + added.content + "' has id " + llvm::Twine(added.id) + ", which is '" +
                     token.source + "'");
    if (!token.flags) {
      token.source = added.content;
      token.merges = false;
      ids[added.content] = added.id;
    }
    token.flags |= PHI_TOKEN_PRESENT | (added.special ? PHI_TOKEN_SPECIAL : 0);
    model.added.push_back(std::move(added));
    return llvm::Error::success();
  }

  llvm::Error readDecoder() {
    const Json *decoder = member(root, "decoder");
    if (!decoder)
      return problem("it has no decoder");
    bool byteLevel = false, unescapes = false;
    llvm::Error error = forEach(decoder, "decoders", [&](const Json &entry) -> llvm::Error {
      const std::string type = typeOf(entry);
      if (type == "ByteLevel")
        byteLevel = true;
      else if (type == "Replace" && isSpaceEscape(entry, lowerBlock, " "))
        unescapes = true;
      else if (type == "ByteFallback")
        decodesBytes = true;
      else if (type == "Strip" && stringOr(entry, "content", "") == " " && integerOr(entry, "start", 0) == 1 &&
               integerOr(entry, "stop", -1) == 0)
        model.flags |= PHI_TOKENIZER_STRIP_SPACE;
      else if (type != "Fuse")
        return problem("decoder '" + type + "' (or its parameters) is not supported");
      return llvm::Error::success();
    });
    if (error)
      return error;
    if (byteLevel != bool(model.flags & PHI_TOKENIZER_BYTES) || unescapes != bool(model.flags & PHI_TOKENIZER_ESCAPED))
      return problem("the decoder does not undo what the normalizer and the pre-tokenizer do");
    return llvm::Error::success();
  }

  llvm::Error readPostProcessor() {
    return forEach(member(root, "post_processor"), "processors", [&](const Json &entry) -> llvm::Error {
      const std::string type = typeOf(entry);
      if (type == "ByteLevel") // changes offsets only
        return llvm::Error::success();
      if (type == "TemplateProcessing")
        return readTemplate(entry);
      if (type == "BertProcessing" || type == "RobertaProcessing")
        return readPair(entry);
      return problem("post-processor '" + type + "' is not supported");
    });
  }

  /// "single": [{"SpecialToken": {"id": ..}}, {"Sequence": {"id": "A"}}, ..]
  llvm::Error readTemplate(const Json &entry) {
    const Json *single = member(entry, "single"), *specials = member(entry, "special_tokens");
    bool seen = false;
    if (!single || !single->is_array())
      return problem("post-processor TemplateProcessing has no 'single'");
    for (const Json &item : *single) {
      const Json *special = member(item, "SpecialToken");
      if (!special) {
        if (seen || !member(item, "Sequence"))
          return problem("post-processor TemplateProcessing is malformed");
        seen = true;
        continue;
      }
      const Json *named = specials ? member(*specials, stringOr(*special, "id", "").c_str()) : nullptr;
      const Json *list = named ? member(*named, "ids") : nullptr;
      if (!list || !list->is_array())
        return problem("post-processor TemplateProcessing names a token without ids");
      for (const Json &id : *list)
        if (llvm::Error error = addAround(idOf(id), /*after=*/seen))
          return error;
    }
    return llvm::Error::success();
  }

  /// "cls": [text, id] before, "sep": [text, id] after
  llvm::Error readPair(const Json &entry) {
    for (const char *key : {"cls", "sep"}) {
      const Json *pair = member(entry, key);
      if (!pair || !pair->is_array() || pair->size() != 2)
        return problem(llvm::Twine("post-processor has no '") + key + "'");
      if (llvm::Error error = addAround(idOf((*pair)[1]), /*after=*/key[0] == 's'))
        return error;
    }
    return llvm::Error::success();
  }

  llvm::Error addAround(std::optional<int32_t> id, bool after) {
    if (!id || static_cast<size_t>(*id) >= model.tokens.size() || !model.tokens[*id].flags)
      return problem("the post-processor adds an id that is no token");
    (after ? model.suffix : model.prefix).push_back(*id);
    return llvm::Error::success();
  }

  const Json &root;
  llvm::ArrayRef<AddedToken> extra;
  TokenizerModel model;
  llvm::StringMap<int32_t> ids;
  uint32_t nextRank = 0;
  bool decodesBytes = false;
};

} // namespace

AddedToken readAddedToken(const Json &entry) {
  AddedToken token;
  token.content = stringOr(entry, "content", "");
  if (const Json *id = member(entry, "id"))
    token.id = idOf(*id).value_or(-1);
  token.lstrip = boolOr(entry, "lstrip", false);
  token.rstrip = boolOr(entry, "rstrip", false);
  token.singleWord = boolOr(entry, "single_word", false);
  token.special = boolOr(entry, "special", false);
  token.normalized = boolOr(entry, "normalized", !token.special);
  return token;
}

llvm::Expected<TokenizerModel> readHuggingFace(llvm::StringRef text, llvm::ArrayRef<AddedToken> extra) {
  llvm::Expected<Json> root = parseJson(text, "tokenizer.json");
  if (!root)
    return root.takeError();
  return HuggingFaceReader(*root, extra).run();
}

} // namespace phic::tokenizer
