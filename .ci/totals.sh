# For .ci/run and .ci/nightly: what passed and failed, added up.

passed=0
failed=0
logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT

section() {
  echo
  echo "── $1"
}

# Runs a command that counts as one check.
as_one() {
  local name="$1"
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    echo "✗ $name"
    failed=$((failed + 1))
  fi
}

# Runs a command whose last line is "N passed, N failed", and adds those.
with_totals() {
  local name="$1"
  shift
  "$@" | tee "$logs/totals"
  local status="${PIPESTATUS[0]}"
  local totals
  totals="$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$logs/totals" | tail -n 1)"
  [ "$status" -eq 0 ] || echo "✗ $name"
  count "$status" ${totals:-0 0}
}

# Prints the totals, and fails if anything did.
finish() {
  echo
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

# Adds totals. An exit code that says "failed" where the totals do not counts as one failure.
count() {
  local status="$1" more_passed="$2" more_failed="$3"
  if [ "$status" -ne 0 ] && [ "$more_failed" -eq 0 ]; then
    more_failed=1
  fi
  passed=$((passed + more_passed))
  failed=$((failed + more_failed))
}
