# What is done by hand and by .ci/run, one definition of each. `just` lists it; `just ci` is all that a change must pass.
# It runs in the current environment: pip install -e ".[demo,test,docs]" has all that it needs, `just` itself too.

export NO_MKDOCS_2_WARNING := "1"

# Name the recipes.
default:
    @just --list --unsorted

# All that a change must pass.
ci: check test tutorials docs release site-of-release

# Mend what a program can mend, and write the pages that are written from the code.
fix:
    ruff check --fix .
    ruff format .
    python scripts/write_options_page.py

# Linters, types, layers, the explorer's bundle.
check:
    ruff check .
    ruff format --check .
    mypy
    lint-imports
    if command -v npm > /dev/null; then python scripts/bundle_page.py --check; else echo "No npm: the explorer's bundle is not compared with its sources."; fi

# The tests; `just test -n0 tests/test_docs.py` runs some of them.
test *ARGS:
    pytest {{ARGS}}

# The tutorials, small: every notebook runs. That about a decoder is skipped with a line where its model is not installed.
tutorials:
    OMP_NUM_THREADS=1 pytest -m tutorial --dist load -rs tests/test_tutorials.py

# The documentation, strictly: a broken link is an error. In build/site.
docs:
    mkdocs build -q

# Wheel and sdist, installed into a clean environment; a small demo runs from there. In build/release.
release:
    bash scripts/try_release.sh

# What is published: the documentation and, under demo/, the pages of a run: a new demo, or `--run FOLDER`.
site *ARGS:
    python scripts/build_site.py {{ARGS}}

[private]
site-of-release:
    python scripts/build_site.py --run build/release/demo --without-docs

# The tests with the lowest versions that pyproject.toml admits, or the newest: `just versions lowest`. Not in `ci`.
versions WHICH *ARGS:
    bash scripts/test_versions.sh {{WHICH}} {{ARGS}}

# One benchmark, e.g. `just bench kernels`.
bench NAME *ARGS:
    python benchmarks/bench_{{NAME}}.py {{ARGS}}
