# The CUDA kernels of src/cuda, by plain commands of nvcc: CMake's own CUDA language would stop the
# configuration where nvcc and the host compiler do not go together.
#
#   CRUMB_CUDA=AUTO  where nvcc is on PATH (or in CUDA_HOME, CUDA_PATH) and makes a program with this
#                    compiler; not under sanitizers, nor cross-compiled
#   CRUMB_CUDA=ON    the same, but an error where that fails
#   CRUMB_CUDA=OFF   never
#   CRUMB_CUDA_ARCHITECTURES  compute capabilities, "80;90"; empty: that of this machine's GPU, or 80
#                    where there is none. Machine code for each, and PTX of the last for newer GPUs.
#
# crumb_cuda         what the program links: repacking, activations, the search for a device
# crumb_cuda_kernels the products; only tests and the benchmark link them, so that the program does
#                    not wait for nvcc
# cuda_bench         the benchmark (make bench-cuda), not built by default
set(CRUMB_CUDA AUTO CACHE STRING "build the CUDA kernels: AUTO, ON or OFF")
set(CRUMB_CUDA_ARCHITECTURES "" CACHE STRING "compute capabilities, for example 80;90")

# Sets CRUMB_CUDA_READY, and with it the toolkit's folder and CRUMB_NVCC_TARGETS, or says why not.
function(crumb_find_cuda)
  set(CRUMB_CUDA_READY FALSE PARENT_SCOPE)
  if(CRUMB_CUDA STREQUAL "OFF")
    message(STATUS "CUDA: off (CRUMB_CUDA)")
    return()
  endif()
  set(why "")
  find_program(CRUMB_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATH_SUFFIXES bin
               NO_CMAKE_SYSTEM_PATH)
  if(CRUMB_CUDA STREQUAL "AUTO" AND (CRUMB_SANITIZE OR CMAKE_CROSSCOMPILING))
    set(why "not under sanitizers, nor cross-compiled")
  elseif(NOT CRUMB_NVCC)
    set(why "no nvcc on PATH")
  else()
    crumb_probe_nvcc(why)
  endif()
  if(why STREQUAL "")
    get_filename_component(real "${CRUMB_NVCC}" REALPATH)
    get_filename_component(bin "${real}" DIRECTORY)
    get_filename_component(toolkit "${bin}" DIRECTORY)
    set(CRUMB_CUDA_TOOLKIT "${toolkit}" PARENT_SCOPE)
    crumb_cuda_targets("${bin}" targets)
    set(CRUMB_NVCC_TARGETS "${targets}" PARENT_SCOPE)
    set(CRUMB_CUDA_READY TRUE PARENT_SCOPE)
    message(STATUS "CUDA: ${CRUMB_NVCC}, ${targets}")
  elseif(CRUMB_CUDA STREQUAL "AUTO")
    message(STATUS "CUDA: not built: ${why}")
  else()
    message(FATAL_ERROR "CRUMB_CUDA=${CRUMB_CUDA}: ${why}")
  endif()
endfunction()

# Whether nvcc makes a program with this compiler, tried once for a pair of both.
function(crumb_probe_nvcc why)
  set(pair "${CRUMB_NVCC} ${CMAKE_CXX_COMPILER}")
  if(NOT "${CRUMB_CUDA_PROBED}" STREQUAL "${pair}")
    set(folder "${CMAKE_BINARY_DIR}/cuda_probe")
    file(WRITE "${folder}/probe.cu" "#include <concepts>
#include <cuda_fp16.h>
__global__ void Kernel(const __grid_constant__ int n, float* y) { *y = static_cast<float>(n); }
int main() { Kernel<<<1, 1>>>(1, nullptr); return cudaGetLastError() == cudaSuccess ? 0 : 1; }
")
    execute_process(COMMAND "${CRUMB_NVCC}" -std=c++20 -arch=sm_80 -ccbin "${CMAKE_CXX_COMPILER}"
                            "${folder}/probe.cu" -o "${folder}/probe"
                    RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(failed)
      string(REGEX MATCH "[^\n]*(error|fatal)[^\n]*" line "${output}")
      set(${why} "${CRUMB_NVCC} and ${CMAKE_CXX_COMPILER} make no program: ${line}" PARENT_SCOPE)
      return()
    endif()
    set(CRUMB_CUDA_PROBED "${pair}" CACHE INTERNAL "nvcc and compiler that were tried")
  endif()
endfunction()

# -gencode options for CRUMB_CUDA_ARCHITECTURES.
function(crumb_cuda_targets bin result)
  set(architectures ${CRUMB_CUDA_ARCHITECTURES})
  if(NOT architectures)
    # Prints the compute capability of each GPU as two or three digits.
    execute_process(COMMAND "${bin}/__nvcc_device_query" OUTPUT_VARIABLE found ERROR_QUIET
                    OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(NOT failed AND found MATCHES "^([0-9]+)")
      set(architectures ${CMAKE_MATCH_1})
    endif()
    if(NOT architectures OR architectures LESS 80)
      set(architectures 80)
    endif()
  endif()
  set(options "")
  foreach(architecture ${architectures})
    list(APPEND options -gencode=arch=compute_${architecture},code=sm_${architecture})
    set(last ${architecture})
  endforeach()
  list(APPEND options -gencode=arch=compute_${last},code=compute_${last})
  set(${result} "${options}" PARENT_SCOPE)
endfunction()

# Appends to `objects` what nvcc makes of the named files of src/cuda.
function(crumb_nvcc objects)
  set(made "")
  foreach(name ${ARGN})
    set(source "${CMAKE_SOURCE_DIR}/src/cuda/${name}.cu")
    set(object "${CMAKE_BINARY_DIR}/cuda/${name}.o")
    get_filename_component(folder "${object}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    add_custom_command(OUTPUT "${object}"
      COMMAND ${CRUMB_CCACHE} "${CRUMB_NVCC}" -std=c++20 -O3 -ccbin "${CMAKE_CXX_COMPILER}"
              ${CRUMB_NVCC_TARGETS} -Xcompiler=-fPIC,-Wall,-Wno-unknown-pragmas,-ffp-contract=off
              -I "${CMAKE_SOURCE_DIR}/src" -MD -MF "${object}.d" -c "${source}" -o "${object}"
      DEPENDS "${source}" DEPFILE "${object}.d"
      COMMENT "Building CUDA object cuda/${name}.o" VERBATIM)
    list(APPEND made "${object}")
  endforeach()
  set(${objects} "${made}" PARENT_SCOPE)
endfunction()

# To be called once crumb_library(cuda ...) has made crumb_cuda and its test.
function(crumb_cuda_backend)
  crumb_find_cuda()
  if(NOT CRUMB_CUDA_READY)
    return()
  endif()
  set(folders lib64 lib "targets/${CMAKE_SYSTEM_PROCESSOR}-linux/lib")
  find_library(CRUMB_CUDART cudart_static HINTS "${CRUMB_CUDA_TOOLKIT}" PATH_SUFFIXES ${folders})
  find_library(CRUMB_CUBLAS cublas HINTS "${CRUMB_CUDA_TOOLKIT}" PATH_SUFFIXES ${folders})
  if(NOT CRUMB_CUDART)
    message(STATUS "CUDA: not built: no cudart_static in ${CRUMB_CUDA_TOOLKIT}")
    return()
  endif()
  set_source_files_properties(src/cuda/without_cuda.cc PROPERTIES HEADER_FILE_ONLY ON)
  crumb_nvcc(device cuda_device)
  target_sources(crumb_cuda PRIVATE ${device})
  target_link_libraries(crumb_cuda PUBLIC ${CRUMB_CUDART} Threads::Threads ${CMAKE_DL_LIBS} rt)

  crumb_nvcc(kernels cuda_matmul int8_grids int8_trellis half_grids half_trellis)
  add_library(crumb_cuda_kernels STATIC EXCLUDE_FROM_ALL ${kernels})
  set_target_properties(crumb_cuda_kernels PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(crumb_cuda_kernels PUBLIC crumb_cuda)
  if(TARGET crumb_cuda_test)
    target_link_libraries(crumb_cuda_test PRIVATE crumb_cuda_kernels)
  endif()

  if(CRUMB_CUBLAS)
    crumb_nvcc(timing bench/device_timing)
    add_executable(cuda_bench EXCLUDE_FROM_ALL src/cuda/bench/cuda_bench.cc ${timing})
    target_link_libraries(cuda_bench PRIVATE crumb_cuda_kernels crumb_measure ${CRUMB_CUBLAS})
  endif()
endfunction()
