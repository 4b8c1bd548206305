#!/bin/sh
# Writes the locks in requirements/ anew with the newest versions: lock.txt for everyone, and for
# each accelerator of jax what it needs besides.
set -eu

lock=requirements/lock.txt

compile() {
    .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' "$@"
}

compile --group dev --upgrade --output-file $lock >/dev/null

in_lock=$(sed -n 's/^\([a-z0-9.-]*\)==.*/--no-emit-package \1/p' $lock)
for extra in cuda12 cuda13 tpu; do
    # shellcheck disable=SC2086  # one word each
    text=$(compile --extra $extra --constraints $lock $in_lock)
    echo "$text" | sed '/^$/,$d' >requirements/$extra.txt  # then follows a list of what is left out
done
