# How the rooms of phic are declared: one library a folder, all linked into libphic.so.
set(PHIC_WARNINGS -Wall -Wextra -Wpedantic -Wno-unused-parameter -Wno-gnu-zero-variadic-macro-arguments)

# The precompiled header that every MLIR file uses: parsing those headers is most of a build.
add_library(phic_mlir_pch OBJECT ${PROJECT_SOURCE_DIR}/.cmake/pch.cpp)
add_library(phic_mlir INTERFACE)
target_include_directories(phic_mlir INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_BINARY_DIR})
target_include_directories(phic_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS} ${LLD_INCLUDE_DIRS})
target_compile_definitions(phic_mlir INTERFACE ${PHIC_LLVM_DEFINITIONS})
target_link_libraries(phic_mlir_pch PRIVATE phic_mlir)
target_precompile_headers(phic_mlir_pch PRIVATE ${PROJECT_SOURCE_DIR}/.cmake/pch.h)

define_property(GLOBAL PROPERTY PHIC_ROOMS BRIEF_DOCS "object libraries that make up libphic.so")

# phic_room_library(OUT room): the target of a room, a folder: phic_targets_cpu of targets/cpu, phic_import of compiler/import.
function(phic_room_library out room)
  string(REGEX REPLACE "^compiler/" "" name ${room})
  string(REPLACE "/" "_" name phic_${name})
  set(${out} ${name} PARENT_SCOPE)
endfunction()

# phic_objects(NAME [PLAIN] [ROOM room] [ROOMS room...] [LIBS lib...] [DEPENDS target...] SOURCES file...)
# An object library of libphic.so, in a room and linking others. With PLAIN the files see no MLIR header (and no PCH).
function(phic_objects name)
  cmake_parse_arguments(ARG "PLAIN" "ROOM" "ROOMS;DEPENDS;LIBS;SOURCES" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PHIC_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  foreach(room ${ARG_ROOMS})
    phic_room_library(library ${room})
    target_link_libraries(${name} PUBLIC ${library})
  endforeach()
  if(ARG_PLAIN)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
    target_include_directories(${name} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
    target_compile_definitions(${name} PRIVATE ${PHIC_LLVM_DEFINITIONS})
  else()
    target_link_libraries(${name} PRIVATE phic_mlir)
    target_precompile_headers(${name} REUSE_FROM phic_mlir_pch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  set_property(GLOBAL APPEND PROPERTY PHIC_ROOMS ${name})
  set_property(GLOBAL APPEND_STRING PROPERTY PHIC_ROOM_OBJECTS "${ARG_ROOM};$<TARGET_OBJECTS:${name}>\n")
endfunction()

# phic_room([ROOMS room...] [LIBS lib...] [DEPENDS target...] [PLAIN file...] [SOURCES file...])
# The library of this folder. ROOMS is its row of test/structure/rooms.py: what it may include is what it links, and all that it
# uses, which tests see to. Files of PLAIN see no MLIR header; beside others they are a library of their own, NAME_plain, which
# tests link alone.
function(phic_room)
  cmake_parse_arguments(ARG "" "" "ROOMS;DEPENDS;LIBS;PLAIN;SOURCES" ${ARGN})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE room)
  phic_room_library(name ${room})
  set(common ROOM ${room} ROOMS ${ARG_ROOMS} LIBS ${ARG_LIBS} DEPENDS ${ARG_DEPENDS})
  if(NOT ARG_SOURCES)
    phic_objects(${name} PLAIN ${common} SOURCES ${ARG_PLAIN})
    return()
  endif()
  phic_objects(${name} ${common} SOURCES ${ARG_SOURCES})
  if(ARG_PLAIN)
    phic_objects(${name}_plain PLAIN ${common} SOURCES ${ARG_PLAIN})
    target_link_libraries(${name} PUBLIC ${name}_plain)
  endif()
endfunction()

# phic_list(NAME file room...): a file that lists rows, and so links the rooms that they are in.
function(phic_list name file)
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
  phic_objects(${name} ROOM ${folder}/${file} ROOMS ${ARGN} SOURCES ${file})
endfunction()

# phic_tablegen(TARGET FILE.td OUT FLAGS... [OUT FLAGS... ]): runs mlir-tblgen into the mirrored build folder. Headers of
# plugins include the generated ones, so those are installed.
function(phic_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(outs ${ARGN})
  while(outs)
    list(POP_FRONT outs out flags)
    separate_arguments(flags)
    cmake_path(GET out PARENT_PATH folder)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${folder}) # Ninja makes it, Make does not
    mlir_tablegen(${out} ${flags} EXTRA_INCLUDES ${PROJECT_SOURCE_DIR} ${MLIR_INCLUDE_DIRS})
    if(out MATCHES "\\.h\\.inc$")
      cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE path)
      install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${out} DESTINATION include/phic/${path}/${folder})
    endif()
  endwhile()
  add_public_tablegen_target(${target})
endfunction()

# phic_test_program(NAME [NO_MLIR] [LIBS lib...] SOURCES file...): a program of tests, which has libphic unless it is NO_MLIR.
function(phic_test_program name)
  cmake_parse_arguments(ARG "NO_MLIR" "" "LIBS;SOURCES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PHIC_WARNINGS})
  target_compile_definitions(${name} PRIVATE PHIC_TEST_DIR="${PROJECT_SOURCE_DIR}/test")
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_BINARY_DIR})
  if(NOT ARG_NO_MLIR)
    # The precompiled header is made with -fPIC; clang refuses it under an executable's -fPIE.
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
    target_link_libraries(${name} PRIVATE phic_mlir libphic)
    target_precompile_headers(${name} REUSE_FROM phic_mlir_pch)
  endif()
endfunction()

# phic_test(NAME ...): the same as one GoogleTest program; a test's path says what it tests.
function(phic_test name)
  phic_test_program(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE GTest::gtest_main GTest::gmock)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# phic_fuzz(NAME CORPUS folder [LIBS lib...] SOURCES file...): a libFuzzer program with AddressSanitizer over the named
# files, which are compiled for it alone. ctest runs it as test/fuzz/run says; new inputs stay in the build folder.
function(phic_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "LIBS;SOURCES" ${ARGN})
  set(sanitizers -fsanitize=fuzzer,address,undefined -fno-sanitize=vptr,function -fno-sanitize-recover=undefined)
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PHIC_WARNINGS} -O1 -g1 ${sanitizers})
  target_link_options(${name} PRIVATE ${sanitizers})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_BINARY_DIR})
  target_include_directories(${name} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(${name} PRIVATE ${PHIC_LLVM_DEFINITIONS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}.found)
  cmake_path(ABSOLUTE_PATH ARG_CORPUS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  add_test(NAME ${name}
           COMMAND ${PROJECT_SOURCE_DIR}/test/fuzz/run $<TARGET_FILE:${name}> ${CMAKE_CURRENT_BINARY_DIR}/${name}.found ${ARG_CORPUS})
endfunction()
