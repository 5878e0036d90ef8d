# graphs.py - Programs of graphs, on GPUs of NVIDIA and on processors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of small graphs with code for CUDA, on the stand-in driver of test/emulators/cuda: each stage within its bound at every
level, results that are onnx.reference's over runs with a state, and bits that depend on nothing that a GPU leaves open.

    graphs.py PHIC FOLDER_OF_LIBCUDA [test...]
"""
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC, DRIVER = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
MODELS = os.path.join(HERE, "..", "..", "models")
# A state goes from run to run. Codes of the second one's last layers may be one off, 1 / 128 before its softmax.
GRAPHS = {"tiny-graph": (["--state=h_next=h", "--dim=batch=1"], {"h_next": "h"}, 2e-6), "tiny-cnn": ([], {}, 2e-3)}
RUNS = 3


def run(*command, **settings):
    environment = dict(os.environ, LD_LIBRARY_PATH=DRIVER, **{f"PHIC_CUDA_{key}": str(value) for key, value in settings.items()})
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr}"
    return done.stdout + done.stderr


class Graph:
    """A model, numbers for its inputs, and what they give."""

    def __init__(self, name, folder):
        self.flags, states, self.tolerance = GRAPHS[name]
        self.path, self.folder = os.path.join(MODELS, name, "graph.onnx"), folder
        graph = onnx.load(self.path).graph
        random = np.random.default_rng(3)
        sizes = {value.name: [RUNS] + [size.dim_value or 1 for size in value.type.tensor_type.shape.dim] for value in graph.input}
        given = {name: random.normal(0, 1, size).astype(np.float32) for name, size in sizes.items() if name not in states.values()}
        self.results = [value.name for value in graph.output if value.name not in states]
        for name, value in given.items():
            np.save(f"{folder}/{name}.npy", value)
        self.words = [word for name in given for word in ("--in", f"{name}={folder}/{name}.npy")]
        self.expected = {name: [] for name in self.results}
        before = {name: np.zeros(sizes[name][1:], np.float32) for name in states.values()}
        for i in range(RUNS):
            outputs = ReferenceEvaluator(self.path).run(None, {**{name: value[i] for name, value in given.items()}, **before})
            made = dict(zip((value.name for value in graph.output), outputs))
            before = {name: made[output] for output, name in states.items()}
            for name in self.results:
                self.expected[name].append(made[name])
        self.program = f"{folder}/program"
        run(PHIC, "build", self.path, "-o", self.program, "-q", "--device=cuda", *self.flags)

    def run(self, device="cuda", **settings):
        words = [word for name in self.results for word in ("--out", f"{name}={self.folder}/{name}-out.npy")]
        run(self.program, *self.words, *words, f"--device={device}", **settings)
        return {name: np.load(f"{self.folder}/{name}-out.npy") for name in self.results}


class Graphs(unittest.TestCase):
    def each(self):
        for name in GRAPHS:
            with tempfile.TemporaryDirectory() as folder:
                yield Graph(name, folder)

    def test_results_are_the_reference_s(self):
        for graph in self.each():
            for name, values in graph.run().items():
                expected = np.stack(graph.expected[name])
                self.assertEqual((values.dtype, values.shape), (expected.dtype, expected.shape))
                np.testing.assert_allclose(values.astype(np.float64), expected, rtol=0, atol=1 if values.dtype == np.uint8 else graph.tolerance)

    def test_stages_are_within_their_bounds(self):
        for graph in self.each():
            for capability in (75, 80):
                said = run(PHIC, "verify", graph.program, "--device=cuda", CAPABILITY=capability)
                self.assertRegex(said, f"{RUNS} steps of sm_{capability}, emulated, every value within its bound")

    def test_bits_are_the_same_in_every_order(self):
        for graph in self.each():
            for capability in (75, 80):
                first = graph.run(SEED=0, CAPABILITY=capability)
                for seed in (1, 2):
                    for name, values in graph.run(SEED=seed, CAPABILITY=capability).items():
                        np.testing.assert_array_equal(values, first[name])


if __name__ == "__main__":
    unittest.main()
