#include "io/line_reader.hpp"

#include <algorithm>
#include <string_view>

namespace widegram::io {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 18;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

LineReader::LineReader(const std::string& path) : file_(path), buffer_(buffer_bytes) {}

bool LineReader::refill() {
  begin_ = 0;
  end_ = file_.read_some(std::as_writable_bytes(std::span(buffer_)));
  return end_ > 0;
}

bool LineReader::next(std::string& line) {
  line.clear();
  if (begin_ == end_ && !refill()) return false;
  for (;;) {
    const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(begin_);
    const auto last = buffer_.begin() + static_cast<std::ptrdiff_t>(end_);
    const auto stop = std::find(from, last, '\n');
    line.append(from, stop);
    begin_ = static_cast<std::size_t>(stop - buffer_.begin());
    if (stop != last) {
      ++begin_;
      break;
    }
    if (!refill()) break;
  }
  if (line_number_ == 0 && line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
  if (line.ends_with('\r')) line.pop_back();
  ++line_number_;
  return true;
}

}  // namespace widegram::io
