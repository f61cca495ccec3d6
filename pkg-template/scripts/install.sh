#!/usr/bin/env bash
# Installs the tools that build and check the TypeScript, unless they are those of the lock file already.
set -euo pipefail
cd "$(dirname "$0")/.."
cmp -s package-lock.json node_modules/.installed && exit
echo "package: installing the TypeScript tools"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
cp package-lock.json node_modules/.installed
