#!/bin/sh
# A program for `exec` stages of checks: doomed.sh FOLDER. Fails as long as FOLDER/mended is not there.
cat >/dev/null
if [ ! -e "$1/mended" ]; then echo "the model has no weights, on purpose" >&2; exit 3; fi
echo '{"output": {"name": "said", "value": "it works"}}'
