//===- Tables.cpp - Writing a tokenizer's tables --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays a TokenizerModel out as the blob of phi/tokenizer.h. Every order is
// decided by ids, ranks or bytes, so equal inputs give equal blobs.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/ComposedForm.h"
#include "compiler/tokenizer/JsonFields.h"
#include "compiler/tokenizer/Model.h"
#include "compiler/tokenizer/Pattern.h"
#include <algorithm>
#include <cstring>
#include <tuple>

namespace phic::tokenizer {
namespace {

class TableWriter {
public:
  explicit TableWriter(const TokenizerModel &model) : model(model), blob(sizeof(phi_tokenizer)) {}

  llvm::Expected<std::vector<uint8_t>> run() {
    header.magic = PHI_TOKENIZER_MAGIC;
    header.version = PHI_TOKENIZER_VERSION;
    header.flags = model.flags;
    header.prepend = model.prepend;
    header.id_limit = static_cast<uint32_t>(model.tokens.size());
    header.unknown_id = model.unknownId;
    header.bos_id = model.bosId;
    header.eos_id = model.eosId;
    writeTokens();
    if (llvm::Error error = writeLookup())
      return std::move(error);
    writeMerges();
    header.prefix = table(model.prefix);
    header.suffix = table(model.suffix);
    for (bool normalized : {false, true})
      writeAdded(normalized, header.added[normalized]);
    header.text = table(text); // added tokens have put theirs behind the vocabulary's
    if (llvm::Error error = writePatterns())
      return std::move(error);
    if (blob.size() > UINT32_MAX / 2)
      return fail("tokenizer tables of " + llvm::Twine(blob.size()) + " bytes are too large");
    header.bytes = static_cast<uint32_t>(blob.size());
    std::memcpy(blob.data(), &header, sizeof(header));
    header.hash = phi_tables_hash(blob.data(), header.bytes, offsetof(phi_tokenizer, hash));
    std::memcpy(blob.data(), &header, sizeof(header));
    return std::move(blob);
  }

private:
  template <typename Container> phi_table table(const Container &elements) {
    using Element = std::remove_const_t<std::remove_pointer_t<decltype(elements.data())>>;
    phi_table result{static_cast<uint32_t>(blob.size()), static_cast<uint32_t>(elements.size())};
    const size_t bytes = elements.size() * sizeof(Element);
    blob.resize(blob.size() + (bytes + 3) / 4 * 4);
    if (bytes)
      std::memcpy(blob.data() + result.offset, elements.data(), bytes);
    return result;
  }

  void writeTokens() {
    std::vector<uint32_t> offsets;
    std::vector<uint8_t> flags;
    for (const Token &token : model.tokens) {
      offsets.push_back(static_cast<uint32_t>(text.size()));
      flags.push_back(token.flags);
      text += token.text;
      header.max_token_bytes = std::max(header.max_token_bytes, static_cast<uint32_t>(token.text.size()));
    }
    offsets.push_back(static_cast<uint32_t>(text.size()));
    header.token_offsets = table(offsets);
    header.token_flags = table(flags);
    header.byte_ids = table(model.byteIds);
  }

  /// Open addressing, at most three quarters full. Of tokens with equal text the lowest id stays. Vocabularies that no one
  /// has made for it have runs of some hundred slots.
  llvm::Error writeLookup() {
    constexpr size_t kMostProbes = 4096;
    std::vector<int32_t> slots;
    if (!model.lookup.empty()) {
      size_t size = 4;
      while (size * 3 < model.lookup.size() * 4)
        size *= 2;
      slots.assign(size, -1);
    }
    for (int32_t id : model.lookup) {
      const std::string &name = model.tokens[id].text;
      const auto *bytes = reinterpret_cast<const uint8_t *>(name.data());
      size_t slot = phi_hash(bytes, static_cast<uint32_t>(name.size())) & (slots.size() - 1);
      for (size_t probes = 0; slots[slot] >= 0 && model.tokens[slots[slot]].text != name; ++probes) {
        slot = (slot + 1) & (slots.size() - 1);
        if (probes == kMostProbes)
          return fail("the vocabulary has thousands of tokens of one hash");
      }
      if (slots[slot] < 0)
        slots[slot] = id;
    }
    header.lookup = table(slots);
    return llvm::Error::success();
  }

  void writeMerges() {
    std::vector<Merge> sorted = model.merges;
    std::sort(sorted.begin(), sorted.end(), [](const Merge &a, const Merge &b) {
      return std::tie(a.left, a.right, a.rank) < std::tie(b.left, b.right, b.rank);
    });
    std::vector<uint32_t> offsets;
    std::vector<phi_merge> entries;
    for (const Merge &merge : sorted) {
      while (offsets.size() <= static_cast<size_t>(merge.left))
        offsets.push_back(static_cast<uint32_t>(entries.size()));
      entries.push_back({static_cast<uint32_t>(merge.right), merge.rank, static_cast<uint32_t>(merge.merged)});
    }
    offsets.resize(model.tokens.size() + 1, static_cast<uint32_t>(entries.size()));
    header.merge_offsets = table(offsets);
    header.merges = table(entries);
  }

  /// What an added token looks like in the text that it is looked for in.
  std::string searched(const AddedToken &token) const {
    if (!token.normalized)
      return token.content;
    std::string content = model.flags & PHI_TOKENIZER_COMPOSED ? composedForm(token.content) : token.content;
    if (model.flags & PHI_TOKENIZER_ESCAPED)
      content = unescapeSpaces(content);
    return model.prepend == PHI_PREPEND_ALWAYS ? " " + content : content;
  }

  /// A user's text must not be able to steer the model: what is special, or is
  /// written like a tag, counts only where the caller says so.
  static bool isControl(const AddedToken &token) {
    llvm::StringRef content = token.content;
    return token.special || (content.size() > 2 && ((content.starts_with("<") && content.ends_with(">")) ||
                                                    (content.starts_with("[") && content.ends_with("]"))));
  }

  void writeAdded(bool normalized, phi_added_set &set) {
    std::vector<std::pair<std::string, const AddedToken *>> tokens;
    for (const AddedToken &token : model.added)
      if (token.normalized == normalized && !token.content.empty())
        tokens.emplace_back(searched(token), &token);
    std::sort(tokens.begin(), tokens.end(), [](const auto &a, const auto &b) {
      return std::tie(a.first, a.second->id) < std::tie(b.first, b.second->id);
    });
    std::vector<uint32_t> first;
    std::vector<phi_added> entries;
    for (const auto &[content, token] : tokens) {
      first.resize(std::max<size_t>(first.size(), static_cast<uint8_t>(content[0]) + size_t(1)),
                   static_cast<uint32_t>(entries.size()));
      const uint32_t flags = (token->lstrip ? PHI_ADDED_LSTRIP : 0u) | (token->rstrip ? PHI_ADDED_RSTRIP : 0u) |
                             (token->singleWord ? PHI_ADDED_SINGLE_WORD : 0u) |
                             (isControl(*token) ? PHI_ADDED_CONTROL : 0u) |
                             (normalized && model.normalizerEscapes ? PHI_ADDED_KEEPS_SPACE : 0u);
      entries.push_back({addText(content, token->id), static_cast<uint32_t>(content.size()), token->id, flags});
    }
    first.resize(257, static_cast<uint32_t>(entries.size()));
    set.first = table(first);
    set.tokens = table(entries);
  }

  /// Where a text lies in the pool; most added tokens decode to what they look like.
  uint32_t addText(const std::string &content, int32_t id) {
    uint32_t offset = 0;
    if (model.tokens[id].text == content) {
      std::memcpy(&offset, blob.data() + header.token_offsets.offset + size_t(id) * sizeof(offset), sizeof(offset));
      return offset;
    }
    offset = static_cast<uint32_t>(text.size());
    text += content;
    return offset;
  }

  llvm::Error writePatterns() {
    PatternTables patterns;
    std::vector<phi_split> splits;
    if (model.splits.size() > PHI_SPLIT_STEPS)
      return fail("the pre-tokenizer has " + llvm::Twine(model.splits.size()) + " steps, more than " +
                  llvm::Twine(PHI_SPLIT_STEPS));
    for (const Split &split : model.splits) {
      llvm::Expected<uint32_t> program = patterns.addPattern(split.pattern);
      if (!program)
        return program.takeError();
      splits.push_back({*program, split.keep});
    }
    if (std::any_of(model.added.begin(), model.added.end(), [](const AddedToken &token) { return token.singleWord; }))
      header.word_class = patterns.addClass(charactersOf("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]"));
    if (model.flags & PHI_TOKENIZER_COMPOSED)
      writeComposedForm(patterns);
    header.splits = table(splits);
    header.code = table(patterns.code);
    header.classes = table(patterns.classes);
    header.ranges = table(patterns.ranges);
    return llvm::Error::success();
  }

  void writeComposedForm(PatternTables &patterns) {
    const ComposedForm form;
    header.composing_class = patterns.addClass(charactersOf("[[:NFC_QC=No:][:NFC_QC=Maybe:][:^ccc=0:]]"));
    header.decompositions = table(form.decompositions);
    header.compositions = table(form.compositions);
    header.combining = table(form.combining);
  }

  const TokenizerModel &model;
  std::vector<uint8_t> blob;
  std::string text;
  phi_tokenizer header = {};
};

} // namespace

llvm::Expected<std::vector<uint8_t>> writeTables(const TokenizerModel &model) { return TableWriter(model).run(); }

} // namespace phic::tokenizer
