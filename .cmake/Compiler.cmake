# With what phic builds, said in words where another compiler or generator would fail somewhere in the middle.
foreach(language C CXX)
  if(NOT CMAKE_${language}_COMPILER_ID STREQUAL "Clang" OR CMAKE_${language}_COMPILER_VERSION VERSION_LESS 22)
    message(FATAL_ERROR "phic is compiled with Clang 22 (clang-22, clang++-22), not with ${CMAKE_${language}_COMPILER_ID} "
      "${CMAKE_${language}_COMPILER_VERSION}: `cmake --preset default` names it, and so does -DCMAKE_C_COMPILER=clang-22 "
      "-DCMAKE_CXX_COMPILER=clang++-22 in an empty build folder")
  endif()
endforeach()

get_property(is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(is_multi_config)
  message(FATAL_ERROR "phic finds its own parts by their place in the build folder, of which ${CMAKE_GENERATOR} makes one for "
    "each configuration: use -G Ninja or -G \"Unix Makefiles\"")
endif()
