# make_added_flags.py - What the flags of added tokens do
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes added_flags.json: for three kinds of tokenizers, sixteen added tokens with every combination of lstrip, rstrip,
single_word and normalized, and the ids that Hugging Face's library gives for texts around each.

    make_added_flags.py      needs the package tokenizers (made with 0.23.3)
"""
import json
import os

import tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
METASPACE = {"normalizer": None,
             "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}}
# Name -> the folder whose tokenizer.json it is, and what is other in it.
KINDS = {"escaped": ("spm", {}), "metaspace": ("spm", METASPACE), "bytes": ("smollm", {})}
TEXTS = ["a {} b", "  {}  the", "a{}b", "\n{}\t x", "{}", "\u2581{}\u2581", " {}{} "]


def added(base):
    first = 1 + max([*base["model"]["vocab"].values()] + [token["id"] for token in base["added_tokens"]])
    return [{"id": first + i, "content": f"<|{i}|>", "lstrip": bool(i & 1), "rstrip": bool(i & 2), "single_word": bool(i & 4),
             "normalized": bool(i & 8), "special": False} for i in range(16)]


def main():
    result = {}
    for name, (folder, other) in KINDS.items():
        with open(os.path.join(HERE, folder, "tokenizer.json"), encoding="utf-8") as file:
            base = json.load(file)
        base.update(other)
        tokens = added(base)
        base["added_tokens"] += tokens
        library = tokenizers.Tokenizer.from_str(json.dumps(base))
        # A Metaspace tokenizer tells U+2581 in a text from a space only beside added tokens: not done.
        around = [text for text in TEXTS if name != "metaspace" or "\u2581" not in text]
        texts = [text.replace("{}", token["content"]) for token in tokens for text in around]
        result[name] = {"folder": folder, "other": other, "added_tokens": tokens,
                        "vectors": [[text, library.encode(text, add_special_tokens=False).ids] for text in texts]}
    with open(os.path.join(HERE, "added_flags.json"), "w", encoding="utf-8") as file:
        file.write("{\n")
        for i, (name, kind) in enumerate(result.items()):
            file.write(f'"{name}":{{"folder":"{kind["folder"]}","other":{json.dumps(kind["other"])},"added_tokens":[\n')
            file.write(",\n".join(json.dumps(token, separators=(",", ":")) for token in kind["added_tokens"]))
            file.write('],\n"vectors":[\n' + ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in kind["vectors"]))
            file.write("]}" + (",\n" if i + 1 < len(result) else "\n"))
        file.write("}\n")


if __name__ == "__main__":
    main()
