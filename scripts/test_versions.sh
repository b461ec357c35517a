#!/usr/bin/env bash
# Run the tests with the lowest versions that pyproject.toml admits of what it names, or with the newest of everything.
# What these stand on is the newest that goes with them. Some GB are downloaded (CUDA), so CI does not do this.
#
# bash scripts/test_versions.sh lowest|newest [arguments of pytest]
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1-} in
    lowest) resolution=lowest-direct ;;
    newest) resolution=highest ;;
    *) echo "Give lowest or newest."; exit 2 ;;
esac
folder=build/versions-$1
shift
python=$(command -v python)
"$python" -m uv --version > /dev/null 2>&1 || "$python" -m pip install -q uv
mkdir -p "$folder"
"$python" -m uv pip compile -q --resolution "$resolution" --extra demo --extra test --extra spread --extra openvino \
    --extra datasets --extra umap --extra browser -o "$folder/requirements.txt" pyproject.toml
"$python" -m venv --clear "$folder/venv"
"$python" -m uv pip install -q --python "$folder/venv/bin/python" -r "$folder/requirements.txt"
"$python" -m uv pip install -q --python "$folder/venv/bin/python" --no-deps -e .
"$folder/venv/bin/python" -m pytest "$@"
