#include "io/digits_reader.hpp"

#include <zlib.h>

#include <charconv>
#include <stdexcept>
#include <string>

namespace widegram::io {
namespace {

constexpr Index pixels = 64;
constexpr Index columns = pixels + 1;
constexpr double largest_count = 16.0;

std::string unpack(std::span<const unsigned char> packed) {
  std::string text(std::size_t{1} << 20, '\0');
  z_stream stream{};
  stream.next_in = const_cast<unsigned char*>(packed.data());  // zlib's interface predates const
  stream.avail_in = static_cast<unsigned>(packed.size());
  stream.next_out = reinterpret_cast<unsigned char*>(text.data());
  stream.avail_out = static_cast<unsigned>(text.size());
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  const int code = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::logic_error("the embedded digits are damaged");
  text.resize(stream.total_out);
  return text;
}

}  // namespace

DigitsReader::DigitsReader(Range part) : part_(part) {
  const std::string text = unpack(embedded_digits());
  table_.reserve(static_cast<std::size_t>(all * columns));
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end; ++at) at = std::from_chars(at, end, table_.emplace_back()).ptr;
  if (std::ssize(table_) != all * columns) throw std::logic_error("the embedded digits are damaged");
  header_.shape = {1, 8, 8};
  header_.samples = part.size();
  for (int digit = 0; digit < 10; ++digit) header_.class_names.push_back(std::to_string(digit));
  header_.target_source = "digits";
}

void DigitsReader::read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) {
  for (Index j = 0; j < samples.size(); ++j) {
    const unsigned char* row = table_.data() + (part_.begin + samples.begin + j) * columns;
    for (Index i = 0; i < pixels; ++i) inputs(i, j) = row[i] / largest_count;
    targets(0, j) = row[pixels];
  }
}

}  // namespace widegram::io
