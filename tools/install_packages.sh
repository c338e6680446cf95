#!/usr/bin/env bash
# install_packages.sh GROUP...: installs the packages of these groups of packages.txt that are missing.
# Does nothing, and needs neither root nor network, when all are there.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for group in "$@"; do
  mapfile -t names < <(awk -v group="[$group]" '
    /^#/ || NF == 0 { next }
    /^\[/ { inside = ($0 == group); next }
    inside { print $1 }' packages.txt)
  [ ${#names[@]} -gt 0 ] || { echo "packages.txt has no group [$group]" >&2; exit 2; }
  wanted+=("${names[@]}")
done

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system. Please see that these are installed: ${wanted[*]}"
  exit 0
fi

missing=()
for name in "${wanted[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "These Debian packages are missing; install them as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages (apt-get, no recommended extras):"
printf '  %s\n' "${missing[@]}"
"${as_root[@]}" apt-get -qq update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
echo "Installed."
