#!/usr/bin/env bash
# Everything that needs a GPU, in one command of about 12 minutes: the tests named cuda, the CUDA
# rows of the speed benchmark, then 9 minutes of training.
#
#     benchmarks/gpu.sh OUT --data DIR [more arguments of recipes/train_gan.py]
#
# OUT gets tests.txt, speed-cuda.json and `run/`, whose model/ and last/ hold averaged weights and
# whose samples/ hold pictures. The same command goes on with the training.
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
"$python" recipes/train_gan.py --device cuda --minutes 9 --pause 10 --batch 64 \
    --val-interval 64000 --out "$out/run" "$@"
