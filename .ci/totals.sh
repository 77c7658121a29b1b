# For .ci/run and .ci/nightly: sums the passed and failed checks.

passed=0
failed=0
failures=()
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
    fail "$name"
    failed=$((failed + 1))
  fi
}

# Runs a command that counts as one check. Retries it once on failure, because its deadlines are in another program, which does not
# allow for a stalled machine. Both outputs are printed.
as_one_of_two_tries() {
  local name="$1"
  shift
  if "$@"; then
    passed=$((passed + 1))
    return
  fi
  echo "✗ $name: running it a second time"
  as_one "$name" "$@"
}

# Runs a command whose last line is "N passed, N failed", and adds those numbers. A failed command is run once more and only the
# second run counts, because it starts real programs with deadlines of their own on a machine that may stall. Both outputs are
# printed.
with_totals() {
  local name="$1"
  shift
  "$@" | tee "$logs/totals"
  local status="${PIPESTATUS[0]}"
  if [ "$status" -ne 0 ]; then
    echo "✗ $name: running it a second time"
    "$@" | tee "$logs/totals"
    status="${PIPESTATUS[0]}"
  fi
  local totals
  totals="$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$logs/totals" | tail -n 1)"
  if [ "$status" -ne 0 ]; then
    fail "$name"
    grep -E '✗|×|failed|FAIL' "$logs/totals" | grep -vE '(^| )0 failed' | head -n 20 >"$logs/lines"
    while IFS= read -r line; do failures+=("  $line"); done <"$logs/lines"
  fi
  count "$status" ${totals:-0 0}
}

# Records a failure for the final list.
fail() {
  echo "✗ $1"
  failures+=("✗ $1")
}

# Prints the failures and the totals. Fails if anything failed.
finish() {
  if [ "${#failures[@]}" -gt 0 ]; then
    section "What failed"
    printf '%s\n' "${failures[@]}"
  fi
  echo
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

# Adds to the totals. A non-zero exit code without a failure in the totals counts as one failure.
count() {
  local status="$1" more_passed="$2" more_failed="$3"
  if [ "$status" -ne 0 ] && [ "$more_failed" -eq 0 ]; then
    more_failed=1
  fi
  passed=$((passed + more_passed))
  failed=$((failed + more_failed))
}
