# graphs.py - Programs of graphs, on GPUs of NVIDIA and on processors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of small graphs with code for CUDA, on the stand-in driver of test/emulators/cuda: each stage within its bound at every
level, over runs with a state the results of a processor, and bits that depend on nothing that a GPU leaves open.

    graphs.py PHIC FOLDER_OF_LIBCUDA [test...]
"""
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
PHIC, DRIVER = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
MODELS = os.path.join(HERE, "..", "..", "models")
# Flags, states, and how far results may be from a processor's: codes of tiny-cnn's last layers may be one off, 1 / 128 before its softmax.
GRAPHS = {"tiny-graph": (["--state=h_next=h", "--dim=batch=1"], {"h_next": "h"}, 2e-6), "tiny-cnn": ([], {}, 2e-3)}
RUNS = 3


def run(*command, **settings):
    environment = dict(os.environ, LD_LIBRARY_PATH=DRIVER, **{f"PHIC_CUDA_{key}": str(value) for key, value in settings.items()})
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr}"
    return done.stdout + done.stderr


class Graph:
    """A model's program, and numbers for its inputs."""

    def __init__(self, name, folder):
        flags, states, self.tolerance = GRAPHS[name]
        path, self.folder, self.program = os.path.join(MODELS, name, "graph.onnx"), folder, f"{folder}/program"
        run(PHIC, "build", path, "-o", self.program, "-q", "--device=cuda", *flags)
        graph = onnx.load(path).graph
        self.results = [value.name for value in graph.output if value.name not in states]
        self.words = []
        random = np.random.default_rng(3)
        for value in graph.input:
            if value.name in states.values():
                continue
            size = [RUNS] + [size.dim_value or 1 for size in value.type.tensor_type.shape.dim]
            np.save(f"{folder}/{value.name}.npy", random.normal(0, 1, size).astype(np.float32))
            self.words += ["--in", f"{value.name}={folder}/{value.name}.npy"]

    def run(self, device="cuda", **settings):
        words = [word for name in self.results for word in ("--out", f"{name}={self.folder}/{name}-out.npy")]
        run(self.program, *self.words, *words, f"--device={device}", **settings)
        return {name: np.load(f"{self.folder}/{name}-out.npy") for name in self.results}


class Graphs(unittest.TestCase):
    def each(self):
        for name in GRAPHS:
            with tempfile.TemporaryDirectory() as folder:
                yield Graph(name, folder)

    def test_results_are_a_processor_s(self):
        for graph in self.each():
            expected = graph.run("cpu")
            for name, values in graph.run().items():
                self.assertEqual((values.dtype, values.shape), (expected[name].dtype, expected[name].shape))
                most = 1 if values.dtype == np.uint8 else graph.tolerance
                np.testing.assert_allclose(values.astype(np.float64), expected[name].astype(np.float64), rtol=0, atol=most)

    def test_stages_are_within_their_bounds(self):
        for graph in self.each():
            for level in ("sm_75", "sm_80"):
                said = run(PHIC, "verify", graph.program, "--device=cuda", f"--cpu-variant={level}")
                self.assertIn(f"{RUNS} steps of {level}, emulated, every value within its bound", said)

    def test_bits_are_the_same_in_every_order(self):
        for graph in self.each():
            for capability in (75, 80):
                first = graph.run(SEED=0, CAPABILITY=capability)
                for seed in (1, 2):
                    for name, values in graph.run(SEED=seed, CAPABILITY=capability).items():
                        np.testing.assert_array_equal(values, first[name])


if __name__ == "__main__":
    unittest.main()
