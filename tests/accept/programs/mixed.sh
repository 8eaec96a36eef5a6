#!/bin/sh
# A program for `exec` stages of checks: mixed.sh KIND. Reads the task from standard input, answers with the number in it.
task=$(cat)
number=$(printf '%s' "$task" | sed -n 's/.*"number": *\([0-9]*\).*/\1/p')
case $1 in
  echo) ;;
  file)
    printf '{"of": %s}\n' "$number" >"$TROUPE_OUT/file.json"
    echo '{"output": {"name": "file", "file": "file.json", "media_type": "application/json"}}' ;;
  flaky) if [ "$TROUPE_ATTEMPT" = 1 ]; then echo "the first attempt fails on purpose" >&2; exit 3; fi ;;
  bad) echo '{"error": {"bad_input": true, "detail": "refused on purpose"}}'; exit 65 ;;
esac
echo "{\"output\": {\"name\": \"number\", \"value\": $number}}"
