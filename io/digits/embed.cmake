# Turns a file into a C++ array: cmake -D INPUT=... -D OUTPUT=... -P embed.cmake
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes
       "${bytes}")
file(WRITE ${OUTPUT}.new
"#include \"io/digits_reader.hpp\"

namespace widegram::io {
namespace {
constexpr unsigned char bytes[] = {
${bytes}};
}  // namespace

std::span<const unsigned char> embedded_digits() { return bytes; }

}  // namespace widegram::io
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
