# crumb_lapacke: LAPACKE and CBLAS on Debian's serial OpenBLAS.
#
# Debian's alternatives decide which BLAS a program gets at run time, and others start threads of
# their own beside our pool. So the serial one is linked by its own folder, which is also the first
# that the program looks into; LAPACKE then finds its symbols there, whatever else is installed.
find_path(CRUMB_LAPACKE_INCLUDE lapacke.h REQUIRED)
find_path(CRUMB_CBLAS_INCLUDE cblas.h REQUIRED PATH_SUFFIXES
          ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial openblas-serial)
find_library(CRUMB_LAPACKE lapacke REQUIRED)
get_filename_component(lapacke_folder "${CRUMB_LAPACKE}" DIRECTORY)
find_library(CRUMB_OPENBLAS openblas REQUIRED NO_DEFAULT_PATH
             PATHS "${lapacke_folder}/openblas-serial")
get_filename_component(openblas_folder "${CRUMB_OPENBLAS}" DIRECTORY)

add_library(crumb_lapacke INTERFACE)
target_include_directories(crumb_lapacke SYSTEM INTERFACE "${CRUMB_LAPACKE_INCLUDE}"
                                                          "${CRUMB_CBLAS_INCLUDE}")
target_link_libraries(crumb_lapacke INTERFACE "${CRUMB_OPENBLAS}" "${CRUMB_LAPACKE}")
if(NOT CMAKE_CROSSCOMPILING)
  list(APPEND CMAKE_INSTALL_RPATH "${openblas_folder}")
endif()
