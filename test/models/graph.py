# graph.py - A graph that is no language model, end to end
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds tiny-graph as a program and as a library, and compares both with onnx.reference.

    graph.py PHIC CLANG [test...]

Its first input has rank 4, its codes stay u8 from stage to stage, it has two inputs, two results and one state."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC, CLANG = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
MODEL = os.path.join(HERE, "tiny-graph", "graph.onnx")
FLAGS = ("--state=h_next=h", "--dim=batch=1")
RUNS = 4

USE = """#include "graph.h"
#include <stdio.h>
#include <stdlib.h>
static float x[PHI_GRAPH_IN_X_ELEMENTS], u[PHI_GRAPH_IN_U_ELEMENTS], y[PHI_GRAPH_OUT_Y_ELEMENTS];
static uint8_t p[PHI_GRAPH_OUT_P_ELEMENTS];
static void *block(uint64_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }
int main(void) {
  const phi_graph_api *api = phi_query_graph(PHI_GRAPH_VERSION);
  phi_error error = {""};
  phi_model *model, *none = 0;
  phi_graph *graph, *other = 0;
  phi_session_options options = {sizeof(options), 0, 2, 0, {0, 0}, 0};
  if (phi_query_graph(PHI_GRAPH_VERSION + 1) || api->model_open(0, block(api->model_bytes()), 8, &model, &error) != PHI_NO_MEMORY)
    return 1;
  fprintf(stderr, "%s\\n", error.text);
  if (api->model_open(0, block(api->model_bytes()), api->model_bytes(), &model, &error))
    return 2;
  uint64_t bytes = api->graph_bytes(model, &options);
  if (api->graph_create(model, &options, block(bytes), bytes, &graph, &error))
    return 3;
  if (phi_graph_run(graph, 0, u, y, p, &error) != PHI_BAD_ARGUMENT)
    return 4;
  fprintf(stderr, "%s\\n", error.text);
  for (int again = 0; again < 2; ++again, api->reset(graph)) {
    rewind(stdin);
    while (fread(x, sizeof x, 1, stdin) == 1 && fread(u, sizeof u, 1, stdin) == 1) {
      if (phi_graph_run(graph, x, u, y, p, &error))
        return 5;
      fwrite(y, sizeof y, 1, stdout);
      fwrite(p, sizeof p, 1, stdout);
    }
  }
  api->reset(0), api->graph_free(0), api->model_close(0);
  if (api->model_open(0, 0, 8, &none, &error) != PHI_NO_MEMORY || none || api->model_open(0, stdin, 8, 0, &error) != PHI_BAD_ARGUMENT ||
      api->graph_bytes(0, &options) || api->graph_create(0, &options, stdin, 8, &other, &error) != PHI_BAD_ARGUMENT || other ||
      api->run(0, 0, 0, &error) != PHI_BAD_ARGUMENT || api->run(graph, 0, 0, &error) != PHI_BAD_ARGUMENT || api->state(0, 0))
    return 7;
  if (api->state(graph, 1) || ((float *)api->state(graph, 0))[0] != 0)
    return 6;
  api->graph_free(graph);
  api->model_close(model);
  return 0;
}
"""


USE_IDS = """#include "ids.h"
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  const phi_graph_api *api = phi_query_ids(PHI_GRAPH_VERSION);
  phi_error error = {""};
  phi_model *model;
  phi_graph *graph;
  phi_session_options options = {sizeof(options), 0, 1, 0, {0, 0}, 0};
  if (api->model_open(0, aligned_alloc(64, (api->model_bytes() + 63) / 64 * 64), api->model_bytes(), &model, &error))
    return 1;
  uint64_t bytes = api->graph_bytes(model, &options);
  if (api->graph_create(model, &options, aligned_alloc(64, (bytes + 63) / 64 * 64), bytes, &graph, &error))
    return 2;
  int64_t ids[] = {0, -6, 1, 2};
  float y[PHI_IDS_OUT_Y_ELEMENTS];
  if (phi_ids_run(graph, ids, y, &error) != PHI_BAD_ARGUMENT)
    return 3;
  puts(error.text);
  return 0;
}
"""


def run(*command, code=0, **more):
    done = subprocess.run(command, capture_output=True, **more)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == code, f"{command} gave {done.returncode}:\n{out}{err}"
    return err if code else out


class Graph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="phic-graph-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.build("graph", "exe")
        random = np.random.default_rng(3)
        cls.x = random.normal(0, 1.5, (RUNS, 1, 3, 9, 7)).astype(np.float32)
        cls.u = random.normal(0, 1, (RUNS, 1, 20)).astype(np.float32)
        np.save(cls.path("x.npy"), cls.x)
        np.save(cls.path("u.npy"), cls.u)
        cls.expected = cls.reference(np.zeros((1, 20), np.float32))

    @classmethod
    def build(cls, output, emit, *flags, code=0):
        return run(PHIC, "build", MODEL, "-o", output, f"--emit={emit}", "--quiet", *(flags or FLAGS), code=code, cwd=cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def reference(cls, state):
        """y, p and h_next of each run."""
        evaluator, results = ReferenceEvaluator(MODEL), []
        for x, u in zip(cls.x, cls.u):
            results.append(evaluator.run(None, {"x": x, "u": u, "h": state}))
            state = results[-1][2]
        return [np.stack(values) for values in zip(*results)]

    def program(self, *arguments, code=0):
        return run("./graph", *arguments, code=code, cwd=self.folder)

    def given(self, *more):
        return ("--in", "x=x.npy", "--in", "u=u.npy", *more)

    def check(self, y, p):
        np.testing.assert_allclose(y, self.expected[0], rtol=0, atol=2e-6)
        np.testing.assert_array_equal(p, self.expected[1])

    # What it computes.

    def test_runs_agree_with_the_reference(self):
        self.program(*self.given("--out", "y=y.npy", "--out", "p=p.npy", "--out", "h=h.npy"))
        y, p, h = (np.load(self.path(f"{name}.npy")) for name in "yph")
        self.assertEqual((y.shape, p.shape, p.dtype, h.shape), ((RUNS, 1, 20), (RUNS, 1, 3, 5, 4), np.uint8, (1, 20)))
        self.check(y, p)
        np.testing.assert_allclose(h, self.expected[2][-1], rtol=0, atol=2e-6)
        # The state moves the results: runs one by one, each from zeros, give others.
        self.assertGreater(np.abs(self.reference(np.ones((1, 20), np.float32))[0][0] - y[0]).max(), 1e-2)

    def test_runs_one_by_one_carry_the_state_in_a_file(self):
        np.save(self.path("state.npy"), np.zeros((1, 20), np.float32))
        for i in range(RUNS):
            np.save(self.path("x1.npy"), self.x[i])
            np.save(self.path("u1.npy"), self.u[i])
            self.program("--in", "x=x1.npy", "--in", "u=u1.npy", "--in", "h=state.npy", "--out", "y=y1.npy", "--out", "h=next.npy")
            np.testing.assert_allclose(np.load(self.path("y1.npy")), self.expected[0][i], rtol=0, atol=2e-6)
            os.replace(self.path("next.npy"), self.path("state.npy"))

    def test_reset_begins_every_run_with_zeros(self):
        self.program(*self.given("--reset", "--out", "y=y0.npy", "--out", "h=h0.npy"))
        zeros = np.zeros((1, 20), np.float32)
        expected = [ReferenceEvaluator(MODEL).run(None, {"x": x, "u": u, "h": zeros}) for x, u in zip(self.x, self.u)]
        np.testing.assert_allclose(np.load(self.path("y0.npy")), np.stack([y for y, _, _ in expected]), rtol=0, atol=2e-6)
        np.testing.assert_allclose(np.load(self.path("h0.npy")), expected[-1][2], rtol=0, atol=2e-6)

    def test_inputs_and_results_of_every_type(self):
        """With names as TensorFlow gives them. A scalar's file has no axes."""
        types = {"bool": np.bool_, "int8": np.int8, "uint8": np.uint8, "int32": np.int32, "int64": np.int64, "float": np.float32}
        nodes, inputs, outputs, flags, want = [], [], [], [], {}
        for i, (name, dtype) in enumerate(types.items()):
            given, made = f"serving_default_{name}:0", f"call/{name}:0"
            shape = [] if i == 0 else [2, i]
            for infos, tensor in ((inputs, given), (outputs, made)):
                infos.append(helper.make_tensor_value_info(tensor, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape))
            nodes.append(helper.make_node("Identity", [given], [made]))
            want[made] = np.random.default_rng(i).integers(-100, 100, shape).astype(dtype)
            np.save(self.path(name + ".npy"), want[made])
            flags += ["--in", f"{given}={name}.npy", "--out", f"{made}={name}-made.npy"]
        graph = helper.make_graph(nodes, "g", inputs, outputs)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), self.path("types.onnx"))
        run(PHIC, "build", "types.onnx", "-o", "types", "--emit=exe,header", "--quiet", cwd=self.folder)
        run("./types", *flags, cwd=self.folder)
        for (name, dtype), expected in zip(types.items(), want.values()):
            made = np.load(self.path(name + "-made.npy"))
            self.assertEqual((made.dtype, made.shape), (expected.dtype, expected.shape))
            np.testing.assert_array_equal(made, expected)
        self.assertIn("every value within its bound", run(PHIC, "verify", "types", cwd=self.folder))
        listed = run(PHIC, "inspect", "types", cwd=self.folder)
        for line in ("input  serving_default_bool:0  bool[]", "result call/int64:0  i64[2, 4]"):
            self.assertIn(line, listed)
        with open(self.path("types.h")) as file:
            text = file.read()
        for parameter in ("const uint8_t *in_serving_default_bool_0 /* [] */", "int64_t *out_call_int64_0 /* [2, 4] */",
                          "const int32_t *in_serving_default_int32_0 /* [2, 3] */"):
            self.assertIn(parameter, text)

    def test_results_do_not_depend_on_threads(self):
        for threads in "13":
            self.program(*self.given("--out", f"y=y-{threads}.npy", "--threads", threads))
        with open(self.path("y-1.npy"), "rb") as one, open(self.path("y-3.npy"), "rb") as three:
            self.assertEqual(one.read(), three.read())

    def test_data_may_lie_anywhere_in_a_file(self):
        self.program(*self.given("--out", "y=y.npy"))
        with open(self.path("x.npy"), "rb") as file:
            bytes_ = file.read()
        length = int.from_bytes(bytes_[8:10], "little")
        for blanks in range(1, 5):
            header = bytes_[10:10 + length - 1] + b" " * blanks + b"\n"
            with open(self.path("moved.npy"), "wb") as file:
                file.write(bytes_[:8] + len(header).to_bytes(2, "little") + header + bytes_[10 + length:])
            self.program("--in", "x=moved.npy", "--in", "u=u.npy", "--out", "y=moved-y.npy")
            np.testing.assert_array_equal(np.load(self.path("y.npy")), np.load(self.path("moved-y.npy")))

    def test_verify_finds_every_stage_within_its_bound(self):
        out = run(PHIC, "verify", "graph", cwd=self.folder)
        self.assertRegex(out, r"\b\d+ stages, 3 steps")
        self.assertIn("every value within its bound", out)

    def test_two_builds_are_equal(self):
        self.build("again", "exe")
        with open(self.path("graph"), "rb") as one, open(self.path("again"), "rb") as other:
            self.assertEqual(one.read(), other.read())

    # What it says.

    def test_codes_stay_u8_in_the_arena(self):
        ir = run(PHIC, "inspect", "--ir", "graph", cwd=self.folder)
        self.assertRegex(ir, r'plan.stage "quantize".*#plan.buffer<arena, offset = \d+, row_bytes = 189>.* -> tensor<1x3x9x7xui8>')
        self.assertRegex(ir, r'plan.stage "pool[^"]*".*: \(tensor<1x9x7x3xui8>\) -> tensor<1x5x4x3xui8>')

    def test_inspect_and_check_list_the_bindings(self):
        self.assertRegex(run(PHIC, "check", MODEL, *FLAGS), r"time         predicted: at least, by limits .*\n  a run +\d+\.\d\d\d ms  ")
        self.assertNotRegex(run(PHIC, "check", MODEL, *FLAGS), "KV cache|token")
        for text in (run(PHIC, "inspect", "graph", cwd=self.folder), run(PHIC, "check", MODEL, *FLAGS)):
            for line in ("input  x  f32[1, 3, 9, 7]", "input  u  f32[1, 20]", "result y  f32[1, 20]", "result p  u8[1, 3, 5, 4]",
                         "state  h  f32[1, 20]"):
                self.assertIn(line, text)
        self.assertIn("state  h, float32 [1, 20]", self.program("--help"))

    def test_a_shape_is_as_good_as_a_dimension(self):
        """What one input's shape says of a dimension counts for all inputs."""
        self.build("shaped", "exe", FLAGS[0], "--shape=x=1x3x9x7", "--shape", "h=1x20")
        with open(self.path("graph"), "rb") as one, open(self.path("shaped"), "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_an_input_is_folded(self):
        """A vector of --const takes part in the arithmetic, and is no input any more."""
        x, shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3]), helper.make_tensor_value_info("shape", TensorProto.INT64, ["n"])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], "g", [x, shape], [y])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), self.path("folded.onnx"))
        np.save(self.path("shape.npy"), np.array([3, -1]))
        for value in ("3,-1", "shape.npy"):
            run(PHIC, "build", "folded.onnx", "-o", "folded" + value[-4:], "--const", f"shape={value}", "--depfile=read.d", "--quiet", cwd=self.folder)
        with open(self.path("read.d")) as file:
            self.assertIn("shape.npy", file.read())
        with open(self.path("folded3,-1"), "rb") as one, open(self.path("folded.npy"), "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.assertIn("shape.npy: it is an input", run(PHIC, "build", "folded.onnx", "-o", "shape.npy", "--const=shape=shape.npy", code=1, cwd=self.folder))
        values = np.arange(6, dtype=np.float32).reshape(2, 3)
        np.save(self.path("values.npy"), values)
        run("./folded3,-1", "values.npy", "-o", "reshaped.npy", cwd=self.folder)
        np.testing.assert_array_equal(np.load(self.path("reshaped.npy")), values.reshape(3, 2))

    def test_an_encoder_of_tokens_is_a_graph(self):
        """Names do not make a decoder: a configuration or caches do."""
        infos = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask", "logits")]
        graph = helper.make_graph([helper.make_node("Mul", ["input_ids", "attention_mask"], ["logits"])], "g", infos[:2], infos[2:])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), self.path("encoder.onnx"))
        run(PHIC, "build", "encoder.onnx", "-o", "encoder", "--shape=input_ids=1x4", "--quiet", cwd=self.folder)
        np.save(self.path("ids.npy"), np.array([[7, 8, 9, 1 << 40]], np.int64))
        np.save(self.path("mask.npy"), np.array([[1, 1, 0, 1]], np.int64))
        run("./encoder", "--in", "input_ids=ids.npy", "--in", "attention_mask=mask.npy", "-o", "kept.npy", cwd=self.folder)
        np.testing.assert_array_equal(np.load(self.path("kept.npy")), [[7, 8, 0, 1 << 40]])

    def test_indices_are_checked(self):
        """Of an input that names rows, whatever lies between; each number that is no index is told, and nothing is read for it."""
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [2, 2])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 3])
        nodes = [helper.make_node("Reshape", ["ids", "flat"], ["list"]), helper.make_node("Cast", ["list"], ["short"], to=TensorProto.INT32),
                 helper.make_node("Gather", ["table", "short"], ["y"])]
        table = np.arange(15, dtype=np.float32).reshape(5, 3)
        graph = helper.make_graph(nodes, "g", [ids], [y], [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([4]), "flat")])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), self.path("ids.onnx"))
        run(PHIC, "build", "ids.onnx", "-o", "ids", "--quiet", cwd=self.folder)
        for name, numbers in (("good", [[4, -5], [0, -1]]), ("wrong", [[1, 2], [5, 0]]), ("long", [[1, 2], [3, 1 << 32]])):
            np.save(self.path(name + ".npy"), np.array(numbers, np.int64))
        self.assertIn("input  ids, int64 [2, 2], from -5 to 4\n", run("./ids", "--help", cwd=self.folder))
        run("./ids", "good.npy", "-o", "rows.npy", cwd=self.folder)
        np.testing.assert_array_equal(np.load(self.path("rows.npy")), table[[4, 0, 0, 4]])
        for name, said in (("wrong", "has 5 as element 2"), ("long", "has 4294967296 as element 3")):
            self.assertEqual(run("./ids", name + ".npy", "-o", "none.npy", cwd=self.folder, code=1),
                             f"input 'ids' {said}, which must be from -5 to 4\n")
        self.assertFalse(os.path.exists(self.path("none.npy")))
        self.assertIn("every value within its bound", run(PHIC, "verify", "ids", cwd=self.folder))
        run(PHIC, "build", "ids.onnx", "-o", "libids.a", "--emit=lib,header", "--quiet", cwd=self.folder)
        with open(self.path("ids.c"), "w") as file:
            file.write(USE_IDS)
        run(CLANG, "-std=c11", "-Wall", "-Wextra", "-Werror", "ids.c", "libids.a", "-o", "use_ids", "-lpthread", cwd=self.folder)
        self.assertEqual(run("./use_ids", cwd=self.folder), "input 'ids' has -6 as element 1, which must be from -5 to 4\n")

    def test_names_and_types_that_do_not_agree_are_told(self):
        relu, weight = [helper.make_node("Relu", ["x"], ["y"], name="relu")], numpy_helper.from_array(np.ones((1, 8), np.float32), "w")
        for inputs, outputs, said in ((["x", "x"], ["y"], "graph input 'x' is declared twice"),
                                      (["x"], ["y", "y"], "graph output 'y' is declared twice"),
                                      (["x"], ["y", "x"], "graph output 'x' is an input: nothing computes it")):
            done = self.checked(self.save("names", relu, inputs, outputs))
            self.assertEqual((done.returncode, said in done.stderr), (2, True), done.stderr)
        add = [helper.make_node("Add", ["x", "w"], ["y"], name="add")]
        self.assertIn("initializer 'w' is there twice; the last counts", self.checked(self.save("twice", add, ["x"], ["y"], [weight, weight])).stderr)
        model = onnx.load(self.save("declared", relu, ["x"], ["y"]))
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 9
        onnx.save(model, self.path("declared.onnx"))
        done = self.checked(self.path("declared.onnx"))
        self.assertEqual((done.returncode, "output 'y' is 'tensor<1x8xf32>', not of the shape" in done.stderr), (0, True), done.stderr)
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT32
        onnx.save(model, self.path("declared.onnx"))
        self.assertIn("output 'y' is declared as int32, and its node makes another type", self.checked(self.path("declared.onnx")).stderr)

    def test_mistakes_of_a_build_are_told(self):
        self.assertIn("'x' has no size along axis 0, 'batch'; --dim=batch=SIZE or --shape=x=SIZEx3x9x7 gives it one",
                      self.build("bad", "exe", "--state=h_next=h", code=2))
        self.assertIn("--state=y=x1: the graph has no input 'x1'; did you mean 'x'?",
                      self.build("bad", "exe", "--state=y=x1", FLAGS[1], code=2))
        self.assertIn("--state=y=x: the output is tensor<1x20xf32>, the input tensor<1x3x9x7xf32>", self.build("bad", "exe", "--state=y=x", FLAGS[1], code=2))
        self.assertIn("has more than 2147483648 elements", self.build("bad", "exe", FLAGS[0], f"--dim=batch={1 << 31}", code=2))
        self.assertFalse(os.path.exists(self.path("bad")))

    def build_of_rank(self, axes, code):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1] * (axes - 1) + [8]) for name in "xy")
        graph = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], "g", [x], [y],
                                  [numpy_helper.from_array(np.array([1] * (axes - 1) + [8]), "shape")])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), self.path("rank.onnx"))
        return run(PHIC, "build", "rank.onnx", "-o", "rank", cwd=self.folder, code=code)

    def test_axes_are_as_many_as_files_have(self):
        self.build_of_rank(16, code=0)
        self.assertIn("graph input 'x' has 17 axes, more than 16", self.build_of_rank(17, code=2))

    def test_a_program_cut_short_says_so(self):
        with open(self.path("graph"), "rb") as file:
            whole = file.read()
        for cut in (1, 5000, 20000):
            with open(self.path("short"), "wb") as file:
                file.write(whole[:-cut])
            os.chmod(self.path("short"), 0o755)
            self.assertIn("this model's file is damaged", run("./short", *self.given("--out", "y=r.npy"), code=2, cwd=self.folder))
        self.assertFalse(os.path.exists(self.path("r.npy")))

    def test_mistakes_of_a_run_are_told(self):
        def refused(wanted, *arguments):
            self.assertIn(wanted, self.program(*arguments, code=1))
            self.assertFalse(os.path.exists(self.path("r.npy")))

        refused("input 'u' is missing: --in u=F, float32 [1, 20]", "--in", "x=x.npy", "--out", "y=r.npy")
        refused("no result is asked for", *self.given())
        refused("--reset begins state 'h' with zeros, and --in with u.npy", "--reset", *self.given("--in", "h=u.npy", "--out", "y=r.npy"))
        refused("unknown flag --stat; did you mean --stats?", "--stat")
        refused("unknown flag --temperature; --help lists all", "--temperature=1")
        refused("--stream-stages wants a whole number from 0 to 2147483647, not 'x'", "--stream-stages=x")
        refused("this graph has no 'z'; it has x u h", *self.given("--in", "z=x.npy"))
        refused("this graph has 2 results; say which one r.npy is", *self.given("-o", "r.npy"))
        refused("cannot read .: it is no regular file", "--in", "x=.", "--in", "u=u.npy", "--out", "y=r.npy")
        open(self.path("empty.npy"), "w").close()
        refused("cannot read empty.npy: it is empty", "--in", "x=empty.npy", "--in", "u=u.npy", "--out", "y=r.npy")
        refused("'u' is given twice", *self.given("--in", "u=x.npy"))
        for name, array, wanted in [("f64", self.u.astype(np.float64), "is float32 ('<f4'), this file holds '<f8'"),
                                    ("shape", self.u[:, :, :19], "is [1, 20], or that after an axis of runs; this file holds [4, 1, 19]"),
                                    ("order", np.asfortranarray(np.zeros((2, 1, 20), np.float32)), "this file in Fortran order"),
                                    ("big", self.u.astype(">f4"), "is float32 ('<f4'), this file holds '>f4'"),
                                    ("none", self.u[:0], "'u' is of no runs in this file"),
                                    ("runs", self.u[:3], "is of 3 runs, another one of 4")]:
            np.save(self.path(name + ".npy"), array)
            refused(wanted, "--in", "x=x.npy", "--in", f"u={name}.npy", "--out", "y=r.npy")
        with open(self.path("u.npy"), "rb") as whole, open(self.path("cut.npy"), "wb") as cut:
            cut.write(whole.read()[:-4])
        refused("cut.npy is cut short", "--in", "x=x.npy", "--in", "u=cut.npy", "--out", "y=r.npy")
        with open(self.path("u.npy"), "rb") as whole, open(self.path("long.npy"), "wb") as long:
            long.write(whole.read() + bytes(4))
        refused("long.npy goes on after its array: it has 324 bytes of data for 4 times 80",
                "--in", "x=x.npy", "--in", "u=long.npy", "--out", "y=r.npy")
        os.link(self.path("u.npy"), self.path("u-link.npy"))
        refused("u-link.npy is an input", *self.given("--out", "y=u-link.npy"))
        np.testing.assert_array_equal(np.load(self.path("u.npy")), self.u)
        refused("cannot write", *self.given("--out", "y=nowhere/r.npy"))
        refused("./r.npy is given for two results", *self.given("--out", "y=r.npy", "--out", "p=./r.npy"))

    def test_an_input_that_is_cut_short_meanwhile_is_a_sentence(self):
        """The program waits for who reads its pipe; then its input has lost what was still to be read."""
        np.save(self.path("xs.npy"), np.repeat(self.x[:1], 20000, 0))
        np.save(self.path("us.npy"), np.repeat(self.u[:1], 20000, 0))
        os.mkfifo(self.path("pipe"))
        program = subprocess.Popen(["./graph", "--in", "x=xs.npy", "--in", "u=us.npy", "--out", "y=pipe", "--out", "p=cut.p.npy"],
                                   cwd=self.folder, stderr=subprocess.PIPE, text=True)
        with open(self.path("pipe"), "rb") as pipe: # which opens when the inputs are open
            os.truncate(self.path("xs.npy"), 4096)
            pipe.read()
        self.assertIn("was cut short while it was read", program.communicate()[1])
        self.assertEqual(program.returncode, 1)
        self.assertFalse(os.path.exists(self.path("cut.p.npy")))

    def save(self, name, nodes, inputs, outputs, weights=()):
        row = lambda names: [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in names]
        graph = helper.make_graph(nodes, name, row(inputs), row(outputs), list(weights))
        path = self.path(name + ".onnx")
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
        return path

    def test_graphs_made_to_take_long_do_not(self):
        """Long chains, diamonds of diamonds, thousands of inputs: a sentence or a plan, in time of their size."""
        chain = [helper.make_node("Relu", [f"x{i}"], [f"x{i + 1}"]) for i in range(20000)]
        self.assertEqual(self.checked(self.save("chain", chain, ["x0"], ["x20000"])).returncode, 0)
        weights = numpy_helper.from_array(np.eye(8, dtype=np.float32), "w")
        diamonds = [helper.make_node("Gemm", ["x", "w"], ["x0"])]
        diamonds += [helper.make_node("Add", [f"x{i}", f"x{i}"], [f"x{i + 1}"]) for i in range(100)]
        self.assertEqual(self.checked(self.save("diamonds", diamonds, ["x"], ["x100"], [weights])).returncode, 0)
        wide = self.save("wide", [helper.make_node("Relu", ["x0"], ["y"])], [f"x{i}" for i in range(5000)], ["y"])
        self.assertIn("5000 inputs and 1 outputs, more than 1024 together", self.checked(wide).stderr)

    def checked(self, path):
        return subprocess.run([PHIC, "check", path, "--machine=reference"], capture_output=True, text=True, timeout=100)

    def test_bench_times_runs_and_stages(self):
        report = json.loads(run(PHIC, "bench", "graph", "--json", "--threads=1", "--repetitions=2", cwd=self.folder))
        timed, stages = report["run"], {stage["stage"]: stage for stage in report["run"]["stages"]}
        self.assertEqual((report["model"], report["threads"], len(timed["all_seconds"])), ("graph", 1, 2))
        self.assertGreater(timed["runs"], 1)
        self.assertTrue(0 < timed["best_seconds"] <= timed["seconds"] < report["first_result_s"] + 1)
        self.assertTrue(all(stage["seconds"] > 0 and stage["bytes"] > 0 for stage in stages.values()))
        self.assertEqual(sum(stage["f32_multiply_adds"] for stage in stages.values()), 20 * 60)
        if report["machine"] is not None:
            self.assertAlmostEqual(timed["limit_seconds"], sum(stage["limit_seconds"] for stage in stages.values()))
        text = run(PHIC, "bench", "graph", "--threads=1", "--repetitions=1", cwd=self.folder)
        self.assertRegex(text, r"(?m)^run +[\d.]+ ms  median of 1")
        self.assertIn("-n: graph is of a graph that takes no tokens", run(PHIC, "bench", "graph", "-n", "3", code=1, cwd=self.folder))

    def test_messages_are_those_of_a_graph(self):
        done = subprocess.run([PHIC, "build", MODEL, "-o", "told", *FLAGS], cwd=self.folder, capture_output=True, text=True)
        self.assertRegex(done.stderr, r"\d+ stages, contractions 1 in f32, weights ")
        unknown = self.checked(self.save("unknown", [helper.make_node("Frobnicate", ["x"], ["y"])], ["x"], ["y"])).stderr
        self.assertIn("Frobnicate", unknown)
        self.assertNotIn("tokenizer", unknown)

    def test_time_needs_no_output(self):
        done = subprocess.run(["./graph", *self.given(), "--stats=json"], cwd=self.folder, capture_output=True, text=True)
        stats = json.loads(done.stderr)
        self.assertEqual((done.returncode, stats["model"], stats["runs"]), (0, "graph", RUNS))
        self.assertTrue(0 < stats["first_run_s"] <= RUNS * stats["run_s"] and 0 < stats["load_s"] and stats["peak_rss_bytes"] > 1 << 16)

    # The library.

    def test_library_has_a_typed_function(self):
        self.build("libgraph.a", "lib,header,shared")
        with open(self.path("graph.h")) as file:
            self.assertRegex(file.read(), re.escape("const float *in_x /* [1, 3, 9, 7] */"))
        with open(self.path("use.c"), "w") as file:
            file.write(USE)
        run(CLANG, "-std=c11", "-Wall", "-Wextra", "-Werror", "use.c", "libgraph.a", "-o", "use", "-lpthread", cwd=self.folder)
        numbers = b"".join(x.tobytes() + u.tobytes() for x, u in zip(self.x, self.u))
        with open(self.path("numbers"), "wb") as file:
            file.write(numbers)
        with open(self.path("numbers"), "rb") as file:
            done = subprocess.run(["./use"], stdin=file, capture_output=True, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"the memory given has 8 bytes", done.stderr)
        self.assertIn(b"input 'x' has no memory", done.stderr)
        record = np.dtype([("y", np.float32, (1, 20)), ("p", np.uint8, (1, 3, 5, 4))])
        results = np.frombuffer(done.stdout, record)
        self.assertEqual(len(results), 2 * RUNS)
        self.check(results["y"][:RUNS], results["p"][:RUNS])
        # After a reset, the same again.
        self.assertEqual(results[:RUNS].tobytes(), results[RUNS:].tobytes())


if __name__ == "__main__":
    unittest.main()
