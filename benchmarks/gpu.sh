#!/usr/bin/env bash
# Everything that needs a GPU, in one command of about 12 minutes: the tests named cuda, the CUDA
# rows of the speed benchmark, then 9 minutes of training.
#
#     benchmarks/gpu.sh OUT --data DIR [more arguments of recipes/train_gan.py]
#
# It trains by --preset lesions-256, or by the one that is given. OUT gets tests.txt,
# speed-cuda.json, `run/`, whose model/ and last/ hold averaged weights and whose samples/ hold
# pictures, and `state/`, from which training goes on with all its networks, in files under 16 MB.
# The same command goes on where OUT is still there. On a new machine that has OUT/state alone:
#
#     benchmarks/gpu.sh OUT2 --data DIR --init OUT/state
#
# Where SYSTEMS holds arguments of benchmarks/references/run.py, such as
# SYSTEMS="--data LESIONS CLOSE-UPS --extractor FILE", the systems of the paper are compared first,
# for half a minute each and about 10 minutes in all, into OUT/systems/.
set -euo pipefail
out=$1
shift
mkdir -p "$out"
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
"$python" -m pytest tests -q -k cuda -p no:cacheprovider 2>&1 | tee "$out/tests.txt" || true
"$python" -m benchmarks.speed --cuda --out "$out"
if [ -n "${SYSTEMS:-}" ]; then
    # Arguments are separate words: no quotes.
    "$python" benchmarks/references/run.py --device cuda --minutes 0.5 --out "$out/systems" $SYSTEMS
fi
# Each call trains for 9 minutes of the clock; only --minutes would end the run.
"$python" recipes/train_gan.py --device cuda --preset lesions-256 --minutes 6000 --pause 9 \
    --out "$out/run" "$@"
"$python" -m recipes.bundle "$out/run" --with-discriminators "$out/state"
