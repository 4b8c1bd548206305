#!/bin/sh
# Installs Chromium for the tests of pages, where there is no browser and apt can be used.
set -eu

for name in chromium chromium-browser google-chrome chrome; do
    if command -v $name >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "No browser, and none that can be installed: install Chromium or Chrome." >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install --yes --no-install-recommends chromium; } >/dev/null
