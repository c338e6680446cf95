# crumb_embed(NAME): the text files of src/NAME/data/ as a table inside the program, so that it runs
# without them; base/embedded.h has the type, and the folder declares the function it needs:
#   std::span<const EmbeddedFile> NameData();  // TasksData() for src/tasks/data/
# Sorted by name. Also run by itself, as a script, by the command it defines: writes OUTPUT from FOLDER.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  function(crumb_embed name)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/data/*)
    set(output ${CMAKE_BINARY_DIR}/generated/${name}_data.cc)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -D NAME=${name} -D FOLDER=${CMAKE_SOURCE_DIR}/src/${name}/data
              -D OUTPUT=${output} -P ${CMAKE_SOURCE_DIR}/cmake/crumb_embed.cmake
      DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/crumb_embed.cmake
      COMMENT "" VERBATIM)
    target_sources(crumb_${name} PRIVATE ${output})
  endfunction()
  return()
endif()

string(SUBSTRING ${NAME} 0 1 first)
string(TOUPPER ${first} first)
string(SUBSTRING ${NAME} 1 -1 rest)
set(function ${first}${rest}Data)
file(GLOB files ${FOLDER}/*)
list(SORT files)
set(text "#include \"base/embedded.h\"\n\nnamespace crumb {\n\nstd::span<const EmbeddedFile> ${function}();\n\n")
string(APPEND text "namespace {\nusing namespace std::string_view_literals;\n")
string(APPEND text "constexpr EmbeddedFile kFiles[] = {\n")
foreach(file ${files})
  get_filename_component(base ${file} NAME)
  # Bytes, so that nothing in the text can mean something to CMake or to the compiler.
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  string(APPEND text "{\"${base}\"sv, \"${bytes}\"sv},\n")
endforeach()
string(APPEND text "};\n}  // namespace\n\n")
string(APPEND text "std::span<const EmbeddedFile> ${function}() { return kFiles; }\n\n}  // namespace crumb\n")
file(WRITE ${OUTPUT} "${text}")
