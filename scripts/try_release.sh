#!/usr/bin/env bash
# Make wheel and sdist, install the wheel into a clean environment, and use it there: what a user of a release gets.
# The wheel is made from the sdist, so both are tried. In build/release; the small demo run stays there for the site.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(command -v python)
out=$PWD/build/release
rm -rf "$out"
mkdir -p "$out/texts"
"$python" -m venv "$out/tools"
"$out/tools/bin/pip" install -q build
"$out/tools/bin/python" -m build -q --outdir "$out" . > /dev/null

"$python" -m venv "$out/venv"
source "$out/venv/bin/activate"
# the build of PyTorch that is tested here: the index's default brings several GB of CUDA
pip install -q "torch==$("$python" -c 'import torch; print(torch.__version__.partition("+")[0])')"
pip install -q "$(ls "$out"/neurolect-*.whl)[demo]"

fold -s -w 200 README.md > "$out/texts/readme.txt"
cd "$out"
unset PYTHONPATH
package=$(python -c "import neurolect, pathlib; print(pathlib.Path(neurolect.__file__).parent)")
case $package in "$out"/venv/*) ;; *) echo "neurolect was imported from $package"; exit 1 ;; esac
for file in py.typed explorer/page/bundle.js demo_data/documents.parquet; do
    test -e "$package/$file" || { echo "The wheel has no $file."; exit 1; }
done
neurolect --version
neurolect doctor > doctor.txt || { cat doctor.txt; exit 1; }
neurolect demo --sample 400 --out demo > demo.txt
neurolect verify demo
neurolect prepare texts --out corpus --quiet --set prepare.text_documents=line
neurolect verify corpus
ls -l neurolect-*.whl neurolect-*.tar.gz | awk '{print $9, $5, "bytes"}'
rm -rf venv tools
