# phic_add_model(NAME MODEL <path>
#   [EMIT lib|shared|obj|exe|header...]   what to make; default: lib header
#   [WEIGHTS embed|sidecar]               in the file, or in <NAME>.weights beside it
#   [TARGET <system>] [CPU <level>...]    default: the system this project is built for, phic's default level
#   [DEVICE <device>...] [PRECISION <p>]  as phic build's flags
#   [PLUGINS <target or file>...]         pass plugins
#   [OPTIONS <flag>...]                   any other flags of phic build
#   [DEPENDS <target or file>...]         what makes MODEL, if the project does
#   [EXPORT <set>] [NO_INSTALL] [EXCLUDE_FROM_ALL])
#
# lib, shared, obj: NAME is a library to link to, with the folder of <NAME>.h in its include directories.
# exe:              NAME::program is the program, an executable for add_test, COMMAND and $<TARGET_FILE:...>.
# Building NAME compiles the model if any file that phic read for it, or phic itself, has changed.
include_guard(GLOBAL)
include(GNUInstallDirs)

# The system that this project is built for, in phic's words.
function(_phic_system result)
  string(TOLOWER "${CMAKE_SYSTEM_NAME}" os)
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
  if(processor STREQUAL "amd64" OR (processor STREQUAL "i686" AND CMAKE_SIZEOF_VOID_P EQUAL 8))
    set(processor x86_64)
  elseif(os STREQUAL "darwin")
    set(os macos)
  elseif(processor STREQUAL "arm64")
    set(processor aarch64)
  endif()
  set(${result} "${processor}-${os}" PARENT_SCOPE)
endfunction()

# The file that phic makes for a kind of output.
function(_phic_output result name kind)
  set(lib "lib${name}.a")
  set(shared "lib${name}.so")
  set(obj "${name}.o")
  set(header "${name}.h")
  set(exe "${name}")
  if(NOT DEFINED ${kind})
    message(FATAL_ERROR "phic_add_model(${name}): EMIT ${kind} is no kind of output; kinds are lib, shared, obj, exe, header")
  endif()
  set(${result} "${${kind}}" PARENT_SCOPE)
endfunction()

# phic build's flags, one for each argument that was given.
function(_phic_flags result)
  set(flags --target ${ARG_TARGET})
  foreach(list CPU DEVICE EMIT)
    if(ARG_${list} AND NOT ARG_${list} STREQUAL "exe")
      list(JOIN ARG_${list} "," values)
      string(TOLOWER ${list} flag)
      list(APPEND flags "--${flag}=${values}")
    endif()
  endforeach()
  foreach(one PRECISION WEIGHTS)
    if(ARG_${one})
      string(TOLOWER ${one} flag)
      list(APPEND flags "--${flag}=${ARG_${one}}")
    endif()
  endforeach()
  foreach(plugin ${ARG_PLUGINS})
    if(TARGET ${plugin})
      list(APPEND flags "--load-pass-plugin=$<TARGET_FILE:${plugin}>")
    else()
      get_filename_component(plugin "${plugin}" ABSOLUTE)
      list(APPEND flags "--load-pass-plugin=${plugin}")
    endif()
  endforeach()
  set(${result} ${flags} ${ARG_OPTIONS} PARENT_SCOPE)
endfunction()

# A library to link to; `file` is what is linked, empty for a header alone.
function(_phic_library name folder file outputs)
  add_library(${name} INTERFACE)
  target_sources(${name} PRIVATE ${outputs}) # so that building it, or what links to it, runs phic
  target_include_directories(${name} INTERFACE
    "$<BUILD_INTERFACE:${folder}>" "$<BUILD_INTERFACE:${phic_INCLUDE_DIR}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  if(file)
    target_link_libraries(${name} INTERFACE
      "$<BUILD_INTERFACE:${folder}/${file}>" "$<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/${file}>"
      "$<$<PLATFORM_ID:Linux>:-lpthread>")
  endif()
endfunction()

function(_phic_install name folder)
  foreach(kind ${ARG_EMIT})
    _phic_output(file ${name} ${kind})
    if(kind STREQUAL "exe")
      install(PROGRAMS "${folder}/${file}" DESTINATION ${CMAKE_INSTALL_BINDIR})
    elseif(kind STREQUAL "header")
      install(FILES "${folder}/${file}" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    else()
      install(FILES "${folder}/${file}" DESTINATION ${CMAKE_INSTALL_LIBDIR})
    endif()
  endforeach()
  if(ARG_WEIGHTS STREQUAL "sidecar") # where the output looks for it: beside itself
    list(GET ARG_EMIT 0 kind)
    set(place ${CMAKE_INSTALL_LIBDIR})
    if("exe" IN_LIST ARG_EMIT)
      set(place ${CMAKE_INSTALL_BINDIR})
    endif()
    install(FILES "${folder}/${name}.weights" DESTINATION ${place})
  endif()
  if(ARG_EXPORT)
    install(TARGETS ${name} EXPORT ${ARG_EXPORT})
  endif()
endfunction()

function(phic_add_model NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "NO_INSTALL;EXCLUDE_FROM_ALL" "MODEL;TARGET;PRECISION;WEIGHTS;EXPORT"
                        "CPU;DEVICE;EMIT;PLUGINS;OPTIONS;DEPENDS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "phic_add_model(${NAME}): unknown argument '${ARG_UNPARSED_ARGUMENTS}'")
  elseif(NOT ARG_MODEL)
    message(FATAL_ERROR "phic_add_model(${NAME}): needs MODEL: a directory, an .onnx or a .gguf file")
  endif()
  if(NOT ARG_EMIT)
    set(ARG_EMIT lib header)
  endif()
  if(NOT ARG_TARGET)
    _phic_system(ARG_TARGET)
  endif()
  if(NOT IS_DIRECTORY "${phic_RUNTIME_DIR}/${ARG_TARGET}")
    file(GLOB known RELATIVE "${phic_RUNTIME_DIR}" "${phic_RUNTIME_DIR}/*")
    list(JOIN known ", " known)
    message(FATAL_ERROR "phic_add_model(${NAME}): phic does not compile for '${ARG_TARGET}' (CMAKE_SYSTEM_PROCESSOR is "
                        "'${CMAKE_SYSTEM_PROCESSOR}', CMAKE_SYSTEM_NAME '${CMAKE_SYSTEM_NAME}'); it does for ${known}: give TARGET")
  endif()
  get_filename_component(model "${ARG_MODEL}" ABSOLUTE)

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${NAME}.phic")
  set(outputs)
  set(linked)
  foreach(kind ${ARG_EMIT})
    _phic_output(file ${NAME} ${kind})
    list(APPEND outputs "${folder}/${file}")
    if(kind MATCHES "^(lib|shared|obj)$")
      list(APPEND linked ${file})
    endif()
  endforeach()
  list(LENGTH linked count)
  if(count GREATER 1)
    message(FATAL_ERROR "phic_add_model(${NAME}): EMIT has ${count} kinds to link to (${ARG_EMIT}); give one of lib, shared, obj")
  endif()
  list(GET outputs 0 first)
  if(ARG_WEIGHTS STREQUAL "sidecar")
    list(APPEND outputs "${folder}/${NAME}.weights")
  endif()

  _phic_flags(flags)
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(OUTPUT ${outputs}
    COMMAND phic::phic build "${model}" -o "${first}" --quiet --depfile "${folder}/${NAME}.d" ${flags}
    DEPENDS ${ARG_DEPENDS} ${ARG_PLUGINS} DEPFILE "${folder}/${NAME}.d"
    COMMENT "Compiling model ${NAME}" VERBATIM)

  if(linked OR "header" IN_LIST ARG_EMIT)
    _phic_library(${NAME} "${folder}" "${linked}" "${outputs}")
  else()
    add_custom_target(${NAME} DEPENDS ${outputs})
  endif()
  if(ARG_EXCLUDE_FROM_ALL)
    set_target_properties(${NAME} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  else()
    set_target_properties(${NAME} PROPERTIES EXCLUDE_FROM_ALL FALSE)
  endif()
  if("exe" IN_LIST ARG_EMIT)
    add_executable(${NAME}::program IMPORTED GLOBAL)
    set_target_properties(${NAME}::program PROPERTIES IMPORTED_LOCATION "${folder}/${NAME}")
    add_dependencies(${NAME}::program ${NAME})
  endif()
  if(NOT ARG_NO_INSTALL)
    _phic_install(${NAME} "${folder}")
  endif()
endfunction()
