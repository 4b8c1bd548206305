#!/bin/sh
# Creates .venv, or brings it up to date with pyproject.toml and the locks in requirements/.
#
#     tools/venv.sh [EXTRA]     EXTRA: an accelerator of jax, cuda12, cuda13 or tpu
#     INSTALLER=pip             pip alone; else uv, which is several times as fast
#
# Where uv is not installed, pip brings the locked one into .venv. pip does all of it where uv
# fails, and where pip's own configuration names an index or a proxy, which uv does not read.
#
# A lock names every package that is needed, so no installer may look for requirements of its own:
# pip would find releases that are younger than the lock.
set -eu

extra=${1:+requirements/$1.txt}
lock=requirements/lock.txt
python=.venv/bin/python
supported='import sys; sys.exit(sys.version_info < (3, 11))'

# A user's configuration may say where packages come from, but not which they are or where they go.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIREMENT PIP_EDITABLE PIP_REQUIRE_HASHES
unset UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE UV_EXCLUDE_NEWER UV_REQUIRE_HASHES
export PIP_USER=0 PIP_CONSTRAINT=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1

say() {
    echo "$*" >&2
}

# Runs an installer, prints how far it is and, if it fails, why. Its warnings about the user's
# configuration and its list of all packages are left out.
watch() {
    { "$@" 2>&1 || echo FAILED; } | awk -v all="$(grep -c == $lock)" '
        /^FAILED$/ { failed = 1; next }
        /^ *[Ee][Rr][Rr][Oo][Rr]/ { loud = 1 }
        loud { print }
        { last = $0 }
        /^(Collecting|Processing|Ignoring) / && ++found % 25 == 0 { print "  " found " of " all }
        /^ *Downloading .*[(][0-9][0-9]+[.0-9]* ?Mi?B[)]/ {
            sub(".*/", "", $2)
            print "  " $2 " " $3 $4
        }
        /^(Prepared [0-9][0-9]|Installing collected.*,)/ { print "  unpacking" }
        { fflush() }
        END { if (failed && !loud) print last; exit failed }' >&2
}

# The locked packages, this project and, where one is asked for, jax's accelerator.
install() {
    say "Installing $(grep -c == $lock) locked packages into .venv with $installer ..."
    watch "$@" --no-deps --require-hashes -r $lock ${extra:+-r "$extra"} &&
        watch "$@" --no-deps --no-build-isolation --editable .
}

# Asks every candidate, since a name on the PATH may be too old, a broken shim, or without
# ensurepip (Debian ships it apart).
find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if "$name" -c "import ensurepip; $supported" 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    say "PYTHON is '${PYTHON:-}': no Python >= 3.11 with the venv module was found; install one" \
        "(Debian, Ubuntu: apt install python3-venv) or uv, or name one with PYTHON=..."
    return 2
}

# A .venv that has pip.
make_venv() {
    if ! "$python" -c "import pip; $supported" 2>/dev/null; then
        found=$(find_python) || exit
        say "Making .venv with $("$found" --version) ..."
        "$found" -m venv --clear .venv
    fi
}

# Sets $uv: the user's own, or the locked one, which pip brings into .venv.
find_uv() {
    uv=uv
    if "$uv" --version >/dev/null 2>&1; then return; fi
    make_venv || return
    if "$python" -m pip config list 2>/dev/null | grep -Eq '\.(index-url|no-index|proxy)='; then
        return 1
    fi
    uv=.venv/bin/uv
    if "$uv" --version >/dev/null 2>&1; then return; fi
    say "Bringing uv into .venv with pip ..."
    sed -n '/^uv==/,/[^\\]$/p' $lock >.venv/uv.txt
    "$python" -m pip install -qq --no-deps --require-hashes -r .venv/uv.txt 2>/dev/null
}

with_uv() {
    find_uv || return
    if ! "$python" -c "$supported" 2>/dev/null; then
        say "Making .venv with uv ..."
        "$uv" venv --quiet --clear --python "${PYTHON:->=3.11}" .venv || return
    fi
    installer=uv
    install "$uv" pip install --python "$python" || { say "uv failed; pip tries." && return 1; }
}

with_pip() {
    make_venv || return
    installer='pip, which takes a minute'
    install "$python" -m pip install
}

if [ "$extra" ] && ! [ -f "$extra" ]; then
    say "EXTRA is '$1': use cuda12, cuda13 or tpu"
    exit 2
fi
case ${INSTALLER:-uv} in
    uv) with_uv || with_pip ;;
    pip) with_pip ;;
    *) say "INSTALLER is '$INSTALLER': use uv or pip" && exit 2 ;;
esac
