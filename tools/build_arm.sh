#!/usr/bin/env bash
# build_arm.sh: builds the tests of base, codecs and kernels for 64-bit ARM in build/arm.
#
# Debian's arm64 libraries are downloaded by apt with settings of their own and unpacked into
# build/arm/sysroot: nothing is installed, the system's list of architectures stays as it is, and root
# is not needed. Exit code 77: this machine can not (no cross compiler, no Debian, no network).
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  echo "$1"
  exit 77
}

command -v aarch64-linux-gnu-g++ >/dev/null || skip "aarch64-linux-gnu-g++ is not installed"
command -v qemu-aarch64 >/dev/null || skip "qemu-aarch64 is not installed"
command -v apt-get >/dev/null || skip "this is not a Debian system"

packages=(
  libfmt-dev libfmt9 nlohmann-json3-dev libssl-dev libssl3 zlib1g-dev zlib1g
  libsqlite3-dev libsqlite3-0 libicu-dev libicu72 libsentencepiece-dev libsentencepiece0
  libprotobuf-lite32 libhwy-dev libhwy1
  libcpp-httplib-dev libcpp-httplib0.11 libbrotli-dev libbrotli1 libzip-dev libzip4
  libopenblas-serial-dev libopenblas0-serial liblapacke-dev liblapacke
  libyaml-cpp-dev libyaml-cpp0.7 libxml2-dev libxml2 libpugixml-dev libpugixml1v5
  libgtest-dev libgmock-dev googletest)
sysroot="$PWD/build/arm/sysroot"
stamp="$sysroot/${#packages[@]}-packages-complete"

if [ ! -e "$stamp" ]; then
  rm -rf "$sysroot"
  mkdir -p build/arm/apt/lists/partial build/arm/apt/cache/archives/partial build/arm/debs
  options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=
    -o "Dir::State::lists=$PWD/build/arm/apt/lists" -o "Dir::Cache=$PWD/build/arm/apt/cache"
    -o Dir::State::status=/dev/null)
  apt-get "${options[@]}" update || skip "the lists of arm64 packages can not be fetched"
  (cd build/arm/debs && apt-get "${options[@]}" download "${packages[@]}") ||
    skip "the arm64 packages can not be fetched"
  for deb in build/arm/debs/*.deb; do
    dpkg-deb -x "$deb" "$sysroot"
  done
  touch "$stamp"
fi

cmake -S . -B build/arm -G Ninja -DCMAKE_BUILD_TYPE=Release -DCRUMB_SYSROOT="$sysroot" \
  -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/arm64.cmake" --log-level=WARNING
cmake --build build/arm --target crumb_base_test crumb_codecs_test crumb_kernels_test
