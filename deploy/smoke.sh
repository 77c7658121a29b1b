#!/bin/sh
# Tries a running platform from outside, by REST: a product, an order, the list of orders, and an order of a product that does not exist.
#   deploy/smoke.sh [base URL, by default http://localhost:8080]
# Makes an account of its own and signs in, so that it works with and without AUTH=required. Needs curl. Ends with 1 at the first failure.
set -eu

base="${1:-http://localhost:8080}"
run="$(date +%s)-$$"
token=""

main() {
  step "the gateway is healthy" GET /health "" 200
  step "an account is made" POST /users "{\"name\":\"Smoke Test\",\"email\":\"smoke-$run@example.com\",\"password\":\"smoke test $run\"}" "200 201"
  user="$(field id)"
  step "it signs in" POST /users:login "{\"email\":\"smoke-$run@example.com\",\"password\":\"smoke test $run\"}" 200
  token="$(field accessToken)"
  step "products are listed" GET "/products?pageSize=1" "" 200
  product="$(field id)"
  order="{\"userId\":\"$user\",\"items\":[{\"productId\":\"$product\",\"quantity\":1}],\"requestId\":\"$(uuid)\"}"
  step "an order is confirmed" POST /orders "$order" "200 201"
  expect '"state":"ORDER_STATE_CONFIRMED"'
  id="$(field id)"
  step "the same request again is the same order" POST /orders "$order" "200 201"
  expect "\"id\":\"$id\""
  step "the order is listed" GET "/orders?userId=$user" "" 200
  expect "\"id\":\"$id\""
  step "a product that does not exist is refused" POST /orders "{\"userId\":\"$user\",\"items\":[{\"productId\":\"no-such-product\",\"quantity\":1}]}" "400 404"
  expect PRODUCT_NOT_FOUND
  echo "All is well at $base"
}

# step <what> <method> <path> <body> <statuses>: makes the request; the answer's body is in $answer.
step() {
  set -- "$1" "$2" "$3" "$4" " $5 "
  if [ -n "$4" ]; then
    reply="$(curl -sS --max-time 20 -w '\n%{http_code}' -X "$2" "$base$3" ${token:+-H "authorization: Bearer $token"} -H 'content-type: application/json' -d "$4")"
  else
    reply="$(curl -sS --max-time 20 -w '\n%{http_code}' -X "$2" "$base$3" ${token:+-H "authorization: Bearer $token"})"
  fi
  status="${reply##*
}"
  answer="$(printf '%s' "${reply%
*}" | tr -d ' \n')"
  case "$5" in
    *" $status "*) echo "✓ $1" ;;
    *) fail "$1: $2 $3 answered $status: $answer" ;;
  esac
}

# The first field of that name in the answer.
field() {
  printf '%s' "$answer" | sed -nE "s/^[^\"]*(.*)/\1/; s/.*/&/; s/\"$1\":\"/\n/; s/^[^\n]*\n([^\"]*)\".*/\1/p"
}

expect() {
  case "$answer" in
    *"$1"*) ;;
    *) fail "the answer has no $1: $answer" ;;
  esac
}

uuid() {
  if [ -r /proc/sys/kernel/random/uuid ]; then cat /proc/sys/kernel/random/uuid; else uuidgen; fi
}

fail() {
  echo "✗ $1" >&2
  exit 1
}

main
