#!/bin/sh
# A program for `exec` stages of checks: gated.sh FOLDER. It works until FOLDER/NAME is there, NAME being its parameter, and says as its progress, and on
# standard error, what FOLDER/NAME.progress holds.
task=$(cat)
name=$(printf '%s' "$task" | sed -n 's/.*"name": *"\([a-z0-9-]*\)".*/\1/p')
said=
while [ ! -e "$1/$name" ]; do
  progress=$(cat "$1/$name.progress" 2>/dev/null || echo 0.4)
  if [ "$progress" != "$said" ]; then
    echo "{\"progress\": $progress}"
    echo "$name is at $progress" >&2
    said=$progress
  fi
  sleep 0.05
done
echo '{"output": {"name": "name", "value": "'"$name"'"}}'
