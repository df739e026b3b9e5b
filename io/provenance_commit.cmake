cmake_minimum_required(VERSION 3.22)

# cmake -D SOURCE=folder -D HEADER=file -P provenance_commit.cmake
# Writes the commit that is built into a header; touches the header only when the commit is another one.
execute_process(COMMAND git -C ${SOURCE} describe --always --abbrev=12 --exclude=* --dirty=-changed
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${HEADER} @ONLY CONTENT
"#pragma once
namespace widegram::io {
inline constexpr char build_commit[] = \"@commit@\";
}
")
