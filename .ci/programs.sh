# For .ci/run and .ci/nightly: installs the optional programs that the tests use. Each is installed once and kept in the user's
# cache. `npm run interop` builds and caches its own programs: h2spec and the grpc-go peers if Go is installed, grpcio if Python is
# installed.

readonly GRPCURL_VERSION=v1.9.3
readonly SCHEMATHESIS_VERSION=4.32.5
readonly cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/parley"
export PATH="$cache/bin:$PATH"

install_programs() {
  install_debian_packages
  install_grpcurl
  install_schemathesis
}

# The tests use these programs if they are installed, and report what they skip otherwise. A failed installation therefore fails
# nothing here.
install_debian_packages() {
  local missing=()
  command -v curl >/dev/null || missing+=(curl)
  command -v redis-server >/dev/null || missing+=(redis-server)
  # Only the server binary is used, from its own folder; the tests start it themselves.
  [ -d /usr/lib/postgresql ] || missing+=(postgresql)
  command -v nghttp >/dev/null || missing+=(nghttp2-client)
  command -v wrk >/dev/null || missing+=(wrk)
  command -v openssl >/dev/null || missing+=(openssl)
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
  command -v dnsmasq >/dev/null || [ -x /usr/sbin/dnsmasq ] || missing+=(dnsmasq-base)
  # Network namespaces; without them the topology runs on loopback addresses.
  command -v ip >/dev/null || missing+=(iproute2)
  command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
  # Builds the image; pgrep finds the process to signal in it.
  command -v buildah >/dev/null || missing+=(buildah)
  command -v pgrep >/dev/null || missing+=(procps)
  command -v promtool >/dev/null || missing+=(prometheus)
  command -v amtool >/dev/null || missing+=(prometheus-alertmanager)
  command -v chromium >/dev/null || missing+=(chromium fonts-liberation)
  # Python's virtual environments, which Debian packages separately.
  ! command -v python3 >/dev/null || python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  if [ "${#missing[@]}" -eq 0 ]; then
    echo "Nothing is missing."
    return
  fi
  if ! command -v apt-get >/dev/null; then
    echo "Left out, since this is not Debian: ${missing[*]}"
    return
  fi
  local privileged=()
  [ "$(id -u)" -eq 0 ] || privileged=(sudo -n)
  echo "Installing ${missing[*]}"
  "${privileged[@]}" apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive "${privileged[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" \
      >"$logs/apt" 2>&1 ||
    { tail -n 5 "$logs/apt" 2>/dev/null; echo "Could not be installed; the tests that need them report it."; }
}

# An independent gRPC client for the external checks. Kept in the user's cache, never in the repository.
install_grpcurl() {
  if command -v grpcurl >/dev/null; then
    return
  fi
  if ! command -v go >/dev/null; then
    echo "Left out, since Go is not installed: grpcurl"
    return
  fi
  echo "Installing grpcurl $GRPCURL_VERSION"
  GOBIN="$cache/bin" timeout 300 go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL_VERSION" ||
    echo "Could not be installed; the tests that need it report it."
}

# Generates requests from the OpenAPI description. Installed in its own virtual environment in the user's cache.
install_schemathesis() {
  if command -v schemathesis >/dev/null; then
    return
  fi
  if ! command -v python3 >/dev/null; then
    echo "Left out, since Python is not installed: schemathesis"
    return
  fi
  echo "Installing schemathesis $SCHEMATHESIS_VERSION"
  mkdir -p "$cache/bin" &&
    timeout 60 python3 -m venv "$cache/schemathesis" >"$logs/schemathesis" 2>&1 &&
    timeout 300 "$cache/schemathesis/bin/pip" install --quiet --disable-pip-version-check \
      "schemathesis==$SCHEMATHESIS_VERSION" >"$logs/schemathesis" 2>&1 &&
    ln -sf "$cache/schemathesis/bin/schemathesis" "$cache/bin/schemathesis" ||
    { tail -n 5 "$logs/schemathesis" 2>/dev/null; echo "Could not be installed; the test that needs it reports it."; }
}
