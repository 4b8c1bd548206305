#!/bin/sh
# Creates .venv, or brings it up to date with pyproject.toml and requirements/lock.txt.
# Uses uv where it is installed, else a Python >= 3.11 from the PATH with its venv and pip.
#
#     tools/venv.sh [EXTRA]     EXTRA: an accelerator of jax, cuda12, cuda13 or tpu
set -eu

python=.venv/bin/python
supported='import sys; sys.exit(sys.version_info < (3, 11))'

# Asks every candidate, since a name on the PATH may be too old, a broken shim, or without
# ensurepip (Debian ships it apart).
find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if "$name" -c "import ensurepip; $supported" 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "PYTHON is '${PYTHON:-}': no Python >= 3.11 with the venv module was found; install one" \
        "(Debian, Ubuntu: apt install python3-venv) or uv, or name one with PYTHON=..." >&2
    return 2
}

if command -v uv >/dev/null; then
    if ! "$python" -c "$supported" 2>/dev/null; then
        uv venv --quiet --clear --python "${PYTHON:->=3.11}" .venv
    fi
    install() { uv pip install --quiet --python "$python" "$@"; }
else
    if ! "$python" -c "import pip; $supported" 2>/dev/null; then
        found=$(find_python)
        "$found" -m venv --clear .venv
    fi
    install() { "$python" -m pip --disable-pip-version-check --quiet install "$@"; }
fi

echo "Installing the locked dependencies into .venv (the first time takes about a minute) ..."
install --require-hashes -r requirements/lock.txt
install --no-deps --no-build-isolation --editable .

# The accelerator's plugin must be of jax's own version, else jax falls back to the CPU.
if [ "${1:-}" ]; then
    version=$("$python" -c 'from importlib.metadata import version; print(version("jax"))')
    install "jax[$1]==$version"
fi
