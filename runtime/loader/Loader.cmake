# What programs for Linux that want the system's loader are linked with, beside the runtime, in lib/phic/<system>/:
#
#   imports/       stubs of the system's libraries, made of the rows of Imports.def
#   libmusl.a      musl, where each function that has such a row is called musl_<name>
#   libphi_loader.a  the front

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/Imports.def)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/Imports.def phi_imports REGEX "^PHI_IMPORT")
set(phi_import_libraries)
set(phi_musl_names "_init musl__init\n_fini musl__fini\n") # or the loader would call them, by their names
foreach(row ${phi_imports})
  string(REGEX MATCH [["(.*)", (.*), "(.*)", (.*)\)]] matched "${row}")
  set(name ${CMAKE_MATCH_2})
  list(APPEND phi_import_libraries ${CMAKE_MATCH_1})
  if(CMAKE_MATCH_4 MATCHES Musl)
    string(APPEND phi_musl_names "${name} musl_${name}\n")
  endif()
endforeach()
list(REMOVE_DUPLICATES phi_import_libraries)

# phi_stub(SYSTEM ARCH LIBRARY STUBS): a shared library that has the rows' symbols and versions and nothing else, appended to
# the list; none where that architecture has no such library.
function(phi_stub system arch library stubs)
  set(versions)
  set(symbols)
  foreach(row ${phi_imports})
    string(REGEX MATCH [["(.*)", (.*), "(.*)", (.*)\)]] matched "${row}")
    set(name ${CMAKE_MATCH_2})
    set(version ${CMAKE_MATCH_3})
    if(arch STREQUAL aarch64)
      set(version 2.17)
    endif()
    if(CMAKE_MATCH_1 STREQUAL library AND version)
      list(APPEND versions ${version})
      string(APPEND names_${version} " ${name};")
      set(kind function)
      if(CMAKE_MATCH_4 STREQUAL MuslData)
        set(kind object)
      endif()
      string(APPEND symbols ".globl ${name}\n.type ${name}, %${kind}\n.size ${name}, 8\n${name}:\n")
    endif()
  endforeach()
  if(NOT versions)
    return()
  endif()
  list(REMOVE_DUPLICATES versions)
  set(map)
  foreach(version ${versions})
    string(APPEND map "GLIBC_${version} { global:${names_${version}} };\n")
  endforeach()
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${system}/${library})
  set(stub ${PROJECT_BINARY_DIR}/lib/phic/${system}/imports/${library})
  file(GENERATE OUTPUT ${made}.s CONTENT ".data\n${symbols}.quad 0\n")
  file(GENERATE OUTPUT ${made}.map CONTENT "${map}")
  add_custom_command(
    OUTPUT ${stub}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/lib/phic/${system}/imports
    COMMAND ${PHIC_TARGET_CLANG} --target=${arch}-linux-gnu -c ${made}.s -o ${made}.o
    COMMAND ${PHIC_LLVM_ROOT}/bin/ld.lld -shared -soname ${library} --version-script=${made}.map --build-id=none -o ${stub} ${made}.o
    DEPENDS ${made}.s ${made}.map
    COMMENT "Building a stub of ${library} for ${system}" VERBATIM)
  set(${stubs} ${${stubs}} ${stub} PARENT_SCOPE)
endfunction()

# phi_program_script(SYSTEM SCRIPT WITH_LOADER): program.ld, as a linker reads it.
function(phi_program_script system script with_loader)
  add_custom_command(
    OUTPUT ${PROJECT_BINARY_DIR}/lib/phic/${system}/${script}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/lib/phic/${system}
    COMMAND ${PHIC_TARGET_CLANG} -E -P -undef -x c -DPHI_LOADER=${with_loader} ${CMAKE_CURRENT_SOURCE_DIR}/program.ld
            -o ${PROJECT_BINARY_DIR}/lib/phic/${system}/${script}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/program.ld VERBATIM)
endfunction()

# phi_loader_files(SYSTEM ARCH LIBC): LIBC is musl's libc.a.
function(phi_loader_files system arch libc)
  set(system_dir ${PROJECT_BINARY_DIR}/lib/phic/${system})
  set(object_dir ${CMAKE_CURRENT_BINARY_DIR}/${system})
  set(files ${system_dir}/program.ld ${system_dir}/loaded.ld ${system_dir}/libmusl.a ${system_dir}/libphi_loader.a)
  phi_program_script(${system} program.ld 0)
  phi_program_script(${system} loaded.ld 1)
  foreach(library ${phi_import_libraries})
    phi_stub(${system} ${arch} ${library} files)
  endforeach()
  file(GENERATE OUTPUT ${object_dir}/musl.names CONTENT "${phi_musl_names}")
  add_custom_command(
    OUTPUT ${system_dir}/libmusl.a
    COMMAND ${CMAKE_COMMAND} -E make_directory ${system_dir}
    COMMAND ${PHIC_LLVM_ROOT}/bin/llvm-objcopy --redefine-syms=${object_dir}/musl.names ${libc} ${system_dir}/libmusl.a
    DEPENDS ${libc} ${object_dir}/musl.names
    COMMENT "Renaming what of musl is imported for ${system}" VERBATIM)
  set(objects)
  foreach(source LoaderFront Alone Stat)
    phi_runtime_object(${CMAKE_CURRENT_SOURCE_DIR}/loader/${source}.cpp ${object_dir}/${source}.o ${system})
    list(APPEND objects ${object_dir}/${source}.o)
  endforeach()
  phi_runtime_archive(${system_dir}/libphi_loader.a ${objects})
  add_custom_target(phi_loader_${system} ALL DEPENDS ${files})
  add_dependencies(phi_rt phi_loader_${system})
endfunction()
