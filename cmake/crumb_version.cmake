# Writes build/generated/crumb_version.inc with the version and the commit at build time, so that a
# commit made after configuring is not missed. The file changes only when its content does. Included
# after crumb_library(base ...); also run by itself, as a script, by the target it defines.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  add_custom_target(crumb_version
    COMMAND ${CMAKE_COMMAND} -D SOURCE_DIR=${CMAKE_SOURCE_DIR} -D VERSION=${PROJECT_VERSION}
            -D OUTPUT=${CMAKE_BINARY_DIR}/generated/crumb_version.inc -P ${CMAKE_CURRENT_LIST_FILE}
    BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/crumb_version.inc
    COMMENT "" VERBATIM)
  add_dependencies(crumb_base crumb_version)
  return()
endif()

set(commit "unknown")
# Only a repository that starts here counts: an unpacked archive inside another one has no commit.
if(EXISTS "${SOURCE_DIR}/.git")
  execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY "${SOURCE_DIR}"
                  OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
                  RESULT_VARIABLE failed)
  if(NOT failed)
    execute_process(COMMAND git --no-optional-locks status --porcelain
                    WORKING_DIRECTORY "${SOURCE_DIR}" OUTPUT_VARIABLE changes ERROR_QUIET)
    set(commit "${head}")
    if(changes)
      string(APPEND commit "-dirty")
    endif()
  endif()
endif()
set(content "#define CRUMB_VERSION_TEXT \"${VERSION}\"\n#define CRUMB_COMMIT_TEXT \"${commit}\"\n")
set(before "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" before)
endif()
if(NOT content STREQUAL before)
  file(WRITE "${OUTPUT}" "${content}")
endif()
