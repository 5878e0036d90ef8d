# readme.py - Runs an example as its README says
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Does what a new user does with docs/examples/NAME: copies it from the installed package and runs the ```sh blocks of
its README.md, in order, in one shell that stops at the first failure.

    readme.py PREFIX NAME MODEL

PREFIX and MODEL are in the blocks' environment.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile


def commands(readme):
    """The text of the ```sh blocks."""
    with open(readme) as file:
        return re.findall(r"^```sh\n(.*?)^```$", file.read(), re.M | re.S)


def run(prefix, name, model):
    source = os.path.join(prefix, "share", "phic", "examples", name)
    blocks = commands(os.path.join(source, "README.md"))
    assert blocks, f"{source}/README.md has no ```sh block"
    with tempfile.TemporaryDirectory(prefix="phic example ") as folder:
        example = shutil.copytree(source, os.path.join(folder, name))
        environment = dict(os.environ, PREFIX=os.path.abspath(prefix), MODEL=os.path.abspath(model),
                           PHIC_CACHE_DIR=os.path.join(folder, "cache"))
        done = subprocess.run(["bash", "-euxo", "pipefail", "-c", "\n".join(blocks)], cwd=example, env=environment)
    return done.returncode


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
