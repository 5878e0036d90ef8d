# embeddings.py - A decoder that is given embeddings
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A decoder without its embedding is a library; given the rows of the table that it lacks, it answers as the one with it.

    embeddings.py PHIC CLANG [test...]

One model is small and committed, with and without its embedding: equal bit for bit. The other comes with a golden file, where
../shared/models is there."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC, CLANG = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
SMALL = os.path.join(HERE, "..", "compiler", "import", "onnx", "models")
SHARED = os.path.join(HERE, "..", "..", "..", "shared", "models", "tiny-phi35-longrope", "ort-genai")

# Logits of every position, decoded one by one; then the same from one prefill, from `all`, and after a truncation.
DRIVER = """#include "NAME.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *block(uint64_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }
static void check(phi_status status, const phi_error *error) {
  if (status)
    fprintf(stderr, "%s\\n", error->text), exit(1);
}
int main(int argc, char **argv) {
  const phi_api *api = phi_query_NAME(PHI_ABI_VERSION);
  phi_facts facts = {sizeof facts};
  phi_error error;
  phi_model *model;
  phi_session *session;
  int64_t count = atoi(argv[1]);
  api->facts(&facts);
  uint32_t columns = facts.embedding_columns ? facts.embedding_columns : 1;
  char *rows = malloc(count * columns * 4), *kept = malloc(facts.vocab * 4);
  if (fread(rows, columns * 4, count, stdin) != (size_t)count)
    return 2;
  check(api->model_open(0, block(api->model_bytes()), api->model_bytes(), &model, &error), &error);
  uint64_t bytes = api->session_bytes(model, 0);
  check(api->session_create(model, 0, block(bytes), bytes, &session, &error), &error);
#define APPEND(FIRST, COUNT, ALL)                                                                                      \\
  (facts.embedding_columns ? api->append_embeddings(session, (float *)(rows + (FIRST) * columns * 4), COUNT, ALL, &error) \\
   : ALL ? api->verify(session, (int32_t *)rows + (FIRST), COUNT, &error)                                              \\
         : api->prefill(session, (int32_t *)rows + (FIRST), COUNT, &error))
  for (int64_t i = 0; i < count; ++i) {
    check(APPEND(i, 1, 0), &error);
    fwrite(api->logits(session, 0), 4, facts.vocab, stdout);
  }
  if (argc > 2)
    return 0;
  memcpy(kept, api->logits(session, 0), facts.vocab * 4);
  check(api->truncate(session, 2, &error), &error);
  check(APPEND(2, count - 2 - 3, 0), &error);
  check(APPEND(count - 3, 3, 1), &error);
  if (memcmp(kept, api->logits(session, 2), facts.vocab * 4))
    return 3;
  /* The other kind of rows is refused. */
  phi_status other = facts.embedding_columns ? api->decode(session, 0, &error) : api->append_embeddings(session, (float *)rows, 1, 0, &error);
  fprintf(stderr, "%s\\n", error.text);
  return other == PHI_MISSING ? 0 : 4;
}
"""


def run(*command, code=0, **more):
    done = subprocess.run(command, capture_output=True, **more)
    assert done.returncode == code, f"{command} gave {done.returncode}:\n{done.stdout[-2000:]}{done.stderr.decode(errors='replace')}"
    return done


class Embeddings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="phic-embeddings-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def logits(self, model, name, rows, *more, flags=()):
        """Of the library of `model`, given these rows."""
        run(PHIC, "build", model, "-o", f"lib{name}.a", "--emit=lib,header", "--quiet", *flags, cwd=self.folder)
        with open(os.path.join(self.folder, name + ".c"), "w") as file:
            file.write(DRIVER.replace("NAME", name))
        run(CLANG, "-std=c11", "-Wall", "-Werror", name + ".c", f"lib{name}.a", "-o", name, "-lpthread", cwd=self.folder)
        done = run(f"./{name}", str(len(rows)), *more, input=rows.tobytes(), cwd=self.folder)
        return np.frombuffer(done.stdout, np.float32).reshape(len(rows), -1), done.stderr.decode()

    def test_the_same_as_with_the_embedding(self):
        graph = onnx.load(os.path.join(SMALL, "good.onnx")).graph
        table = numpy_helper.to_array(next(t for t in graph.initializer if t.name == "embed")).astype(np.float32)
        ids = np.random.default_rng(5).integers(0, len(table), 19).astype(np.int32)
        for flags in ((), ("--act=f32", "--kv=f32")):
            expected, refused = self.logits(os.path.join(SMALL, "good.onnx"), "good", ids, flags=flags)
            self.assertIn("this model takes ids, not embeddings", refused)
            got, refused = self.logits(os.path.join(SMALL, "embeds.onnx"), "embeds", table[ids], flags=flags)
            self.assertIn("this model takes embeddings, not ids", refused)
            np.testing.assert_array_equal(got, expected)
            self.assertGreater(np.ptp(got), 0.1)

    def test_golden_logits(self):
        form = os.path.join(SHARED, "int4-cpu-noembeds")
        if not os.path.exists(form):
            self.skipTest(f"no {form}")
        model = onnx.load(os.path.join(SHARED, "int4-cpu", "model.onnx"))
        table = numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == "model.embed_tokens.weight"))
        golden = np.load(os.path.join(form, "golden_float.npz"))
        for sequence in ("chat", "rand24"):
            ids, at = golden[f"{sequence}.ids"], golden[f"{sequence}.pos"]
            got, _ = self.logits(form, "noembeds", table[ids].astype(np.float32), "only", flags=("--act=f32", "--kv=f32"))
            expected = golden[f"{sequence}.logits"].astype(np.float64)
            rms = np.sqrt(np.square(got[at] - expected).sum() / np.square(expected).sum())
            print(f"{sequence}: relative rms {rms:.2e}", file=sys.stderr)
            self.assertLess(rms, 1e-4)


if __name__ == "__main__":
    unittest.main()
