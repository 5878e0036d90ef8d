#!/usr/bin/env bash
# Checks phic's code for CUDA on a machine with a GPU, in at most eight minutes: the folder that test/device/prepare made is all
# that it needs, with bash, Python 3 (nothing beside it) and NVIDIA's driver. It says what it finds, and leaves it in results.json.
# Usage: cuda.sh [--minutes N] [--scratch FOLDER] [--shapes NAME,...] [--prompts N,...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 > /dev/null || { echo "cuda.sh needs python3" >&2; exit 1; }
exec python3 "$here/checks.py" "$here" "$@"
