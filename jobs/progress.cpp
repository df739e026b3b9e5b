#include "jobs/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "jobs/units.hpp"

namespace widegram::jobs {

void Progress::line(const std::string& text) { *out_ << text << std::endl; }

void Progress::note(const std::string& text) {
  if (speaks(Level::normal)) line(text);
}

void Progress::detail(const std::string& text) {
  if (speaks(Level::verbose)) line(text);
}

void Progress::warn(const std::string& text) {
  if (speaks(Level::quiet)) line("warning: " + text);
}

Phase::Phase(Progress& progress, std::string name, Index total, std::string unit)
    : progress_(progress), name_(std::move(name)), total_(total), unit_(std::move(unit)) {}

Phase::~Phase() { clear_bar(); }

std::string Phase::share(Index done, double seconds) const {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total_ - done) / rate : 0;
  const std::string counts =
      unit_.empty() ? ""
                    : fmt::format("  {} of {} {}  {}/s", readable_count(static_cast<double>(done)),
                                  readable_count(static_cast<double>(total_)), unit_, readable_count(rate));
  return fmt::format("{:<10} {:3} %{}  {} left", name_,
                     static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total_)),
                     counts, readable_seconds(left));
}

void Phase::update(Index done) {
  done_ = std::clamp<Index>(done, 0, total_);
  if (total_ == 0 || done_ == 0 || !progress_.speaks(Progress::Level::normal)) return;
  const double now = timer_.seconds();
  const Progress::Options& options = progress_.options_;
  if (now - spoken_ < (options.terminal ? options.interval / 10 : options.interval)) return;
  spoken_ = now;
  if (options.terminal)
    draw_bar(share(done_, now), done_);
  else
    progress_.line(share(done_, now));
}

double Phase::finish() {
  const double seconds = timer_.seconds();
  clear_bar();
  const auto amount = static_cast<double>(total_);
  std::string work;
  const bool counted = total_ > 0 && !unit_.empty();
  if (counted) work = fmt::format("{} {}", readable_count(amount), unit_);
  if (counted && seconds > 0) work += fmt::format(", {}/s", readable_count(amount / seconds));
  progress_.note(fmt::format("{:<10} done in {}{}", name_, readable_seconds(seconds),
                             work.empty() ? "" : "  (" + work + ")"));
  return seconds;
}

void Phase::draw_bar(const std::string& text, Index done) {
  constexpr Index width = 24;
  const auto filled = static_cast<Index>(static_cast<double>(width) * static_cast<double>(done) /
                                         static_cast<double>(total_));
  *progress_.out_ << "\r\033[K[" << std::string(static_cast<std::size_t>(filled), '#')
                  << std::string(static_cast<std::size_t>(width - filled), '.') << "] " << text << std::flush;
  bar_drawn_ = true;
}

void Phase::clear_bar() {
  if (bar_drawn_) *progress_.out_ << "\r\033[K" << std::flush;
  bar_drawn_ = false;
}

}  // namespace widegram::jobs
