# corpus_peers.py - Real graphs beside ONNX Runtime and OpenVINO
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times the graphs of corpus_models.py in turns with ONNX Runtime and, where it is installed, OpenVINO: of each the least of some runs,
and the ratio of phic's to the faster peer's. Run by hand on a quiet machine, with a Python that has onnx and onnxruntime (corpus.py
makes one in FOLDER/onnxruntime); numbers are printed, never asserted.

    corpus_peers.py PHIC FOLDER [--threads N] [--cpu LEVEL] [--hide-avx512] [NAME...]

--hide-avx512: peers see an AVX2 processor (hide_avx512.c), as code for --cpu x86-64-v3 does."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

import numpy as np

from corpus import Corpus, NoNetwork, command
from corpus_models import MODELS

REPETITIONS = 3
SECONDS = 0.25  # of a repetition, about


def hide_avx512(folder):
    """Starts this script again with hide_avx512.c before everything else."""
    library = pathlib.Path(folder) / "hide_avx512.so"
    source = pathlib.Path(__file__).with_name("hide_avx512.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library], check=True)
    os.environ["LD_PRELOAD"] = str(library.resolve())
    os.execv(sys.executable, [sys.executable, *sys.argv])


def onnxruntime_runner(path, feed, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, feed)


def openvino_runner(path, feed, threads):
    """Floats as floats: by default it may round them to what the processor has."""
    try:
        import openvino
    except ImportError:
        return None
    try:
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(path), "CPU", {
            "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
        request = compiled.create_infer_request()
        request.infer(feed)
    except RuntimeError:  # an op that it does not have
        return None
    return lambda: request.infer(feed)


class Program:
    """One graph's program, on as many runs' inputs as a repetition has."""

    def __init__(self, corpus, model, path, cpu, runs, threads):
        self.path = path.with_suffix(".peers")
        self.environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        done = command(corpus.phic, "build", path, "-q", *model.flags(), *(["--cpu", cpu] if cpu else []), "-o", self.path,
                       env=self.environment)
        assert done.returncode == 0, done.stderr
        self.words = [self.path, f"--threads={threads}", "--stats"]
        for i, (name, array) in enumerate(model.feeds().items()):
            if name not in model.constants and name not in model.states.values():
                file = path.with_suffix(f".peers.{i}.npy")
                np.save(file, np.stack([array] * runs))
                self.words += ["--in", f"{name}={file}"]
        result = next(name for name in self.results(corpus) if name not in model.states)
        self.words += ["--out", f"{result}={path.with_suffix('.peers.out.npy')}"]

    def results(self, corpus):
        return re.findall(r"^  result (\S+) ", command(corpus.phic, "inspect", self.path, env=self.environment).stdout, re.M)

    def milliseconds(self):
        done = command(*self.words, env=self.environment)
        return float(re.search(r"([\d.]+) ms each", done.stderr).group(1))


def milliseconds(run, runs):
    begin = time.perf_counter()
    for _ in range(runs):
        run()
    return (time.perf_counter() - begin) / runs * 1e3


def row_of(corpus, model, options):
    path = corpus.file(model)
    feed = {**model.feeds(), **{name: np.array(value) for name, value in model.constants.items()}}
    peers = [runner(str(path), feed, options.threads) for runner in (onnxruntime_runner, openvino_runner)]
    peers[0]()
    runs = int(np.clip(SECONDS * 1e3 / milliseconds(peers[0], 1), 2, 200))
    program = Program(corpus, model, path, options.cpu, runs, options.threads)
    times = [[], [], []]
    for _ in range(REPETITIONS):
        times[0].append(program.milliseconds())
        for peer, found in zip(peers, times[1:]):
            if peer:
                peer()
                found.append(milliseconds(peer, runs))
    least = [min(found) if found else float("nan") for found in times]
    return f"{model.name:22} {least[0]:9.3f} {least[1]:9.3f} {least[2]:9.3f} {least[0] / np.nanmin(least[1:]):6.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("phic")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu", help="phic build's --cpu: the level to compile for")
    parser.add_argument("--hide-avx512", action="store_true")
    options = parser.parse_intermixed_args()
    if options.hide_avx512 and "LD_PRELOAD" not in os.environ:
        hide_avx512(options.folder)
    corpus = Corpus(options.phic, options.folder)
    print(f"{'ms':22} {'phic':>9} {'ORT':>9} {'OpenVINO':>9} {'ratio':>6}")
    for model in MODELS:
        if not options.names or model.name in options.names:
            try:
                print(row_of(corpus, model, options), flush=True)
            except NoNetwork as reason:
                print(f"{model.name:22} [SKIP] {reason}")


if __name__ == "__main__":
    os.environ.pop("PHIC_CACHE_DIR", None)
    main()
