# Toolchain file: cross-building for 64-bit ARM Linux with Debian's compiler. CRUMB_SYSROOT is a folder
# into which Debian's arm64 libraries were unpacked (tools/build_arm.sh does that).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CRUMB_SYSROOT)
set(CMAKE_FIND_ROOT_PATH "${CRUMB_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${CRUMB_SYSROOT}")
set(ENV{PKG_CONFIG_LIBDIR}
    "${CRUMB_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CRUMB_SYSROOT}/usr/share/pkgconfig")
set(CMAKE_CXX_FLAGS_INIT "-isystem \"${CRUMB_SYSROOT}/usr/include/aarch64-linux-gnu\"")
# Libraries that our libraries need are looked up at link time and in the emulator by these paths.
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,-rpath-link,\"${CRUMB_SYSROOT}/usr/lib/aarch64-linux-gnu\" -Wl,--allow-shlib-undefined")
