# crumb_library(NAME DEPS ...): src/NAME/*.cc as the static library crumb_NAME, src/NAME/*_test.cc as
# the program crumb_NAME_test, each src/NAME/X_fuzz.cc as the program X_fuzz and each X_bench.cc as
# X_bench. Files are found by pattern, so that a test can not be forgotten.
#
# BENCH_DEPS: what only the benchmarks link.
#
# COLD: code that waits for people, disks and networks. It is compiled with -O1 in release builds, and
# so are all tests, since that saves a good part of the build's time.
#
# A file named X_SET.cc is compiled with the flags of that instruction set; nothing else is. Such a
# file keeps its code in an anonymous namespace, so that no inline function compiled with those flags
# can be chosen by the linker for code that runs everywhere.
set(CRUMB_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
set(CRUMB_FLAGS_avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx512vbmi -mgfni
    -mfma -mf16c -mbmi2)
set(CRUMB_FLAGS_amx ${CRUMB_FLAGS_avx512} -mamx-tile -mamx-int8)
set(CRUMB_FLAGS_neon -march=armv8.2-a+dotprod+fp16)
# Under sanitizers these files, unrolled as they are, would take ten minutes each to compile: addresses
# on the stack and inside of arrays of known size are not checked there; those in memory are.
if(CRUMB_SANITIZE)
  set(CRUMB_FLAGS_every_set -O2
      -fno-sanitize=null,alignment,object-size,vptr,pointer-overflow,bounds)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND CRUMB_FLAGS_every_set --param=asan-stack=0)
  endif()
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(CRUMB_SETS avx2 avx512 amx)
  set(CRUMB_OTHER_SETS neon)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(CRUMB_SETS neon)
  set(CRUMB_OTHER_SETS avx2 avx512 amx)
else()
  set(CRUMB_OTHER_SETS avx2 avx512 amx neon)
endif()

function(crumb_library name)
  cmake_parse_arguments(ARG "COLD" "" "DEPS;BENCH_DEPS" ${ARGN})
  set(quick_to_build $<$<CONFIG:Release>:-O1>)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  set(fuzzers ${sources})
  set(benches ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  foreach(set ${CRUMB_OTHER_SETS})
    list(FILTER sources EXCLUDE REGEX "_${set}\\.cc$")
  endforeach()
  if(NOT sources)
    add_library(crumb_${name} INTERFACE)
    target_include_directories(crumb_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(crumb_${name} INTERFACE ${ARG_DEPS})
  else()
    add_library(crumb_${name} STATIC ${sources})
    target_include_directories(crumb_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src
                                             PRIVATE ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(crumb_${name} PUBLIC ${ARG_DEPS})
    if(ARG_COLD)
      target_compile_options(crumb_${name} PRIVATE ${quick_to_build})
    endif()
    foreach(set ${CRUMB_SETS})
      set(of_set ${sources})
      list(FILTER of_set INCLUDE REGEX "_${set}\\.cc$")
      set_source_files_properties(${of_set} PROPERTIES COMPILE_OPTIONS
                                  "${CRUMB_FLAGS_${set}};${CRUMB_FLAGS_every_set};-ffp-contract=fast")
    endforeach()
  endif()
  if(CRUMB_TESTS AND tests)
    add_executable(crumb_${name}_test ${tests})
    target_link_libraries(crumb_${name}_test PRIVATE crumb_${name} GTest::gmock GTest::gtest_main)
    target_compile_options(crumb_${name}_test PRIVATE ${quick_to_build})
    target_compile_definitions(crumb_${name}_test PRIVATE
                               CRUMB_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                               CRUMB_BINARY_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME ${name} COMMAND crumb_${name}_test)
    add_dependencies(unit_tests crumb_${name}_test)
  endif()
  if(CRUMB_FUZZ)
    foreach(source ${fuzzers})
      get_filename_component(stem ${source} NAME_WE)
      add_executable(${stem} ${source})
      set_target_properties(${stem} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
      target_link_libraries(${stem} PRIVATE crumb_${name})
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${stem})
    endforeach()
  endif()
  if(CRUMB_BENCH)
    foreach(source ${benches})
      get_filename_component(stem ${source} NAME_WE)
      add_executable(${stem} ${source})
      target_link_libraries(${stem} PRIVATE crumb_${name} ${ARG_BENCH_DEPS}
                            benchmark::benchmark)
    endforeach()
  endif()
endfunction()
