#pragma once

#include <ostream>
#include <string>

#include "src/base/index.hpp"
#include "src/base/timer.hpp"

namespace widegram::jobs {

/// What a run says while it works. One rank speaks; the others hold a silent one, so that callers need not
/// ask.
class Progress {
 public:
  enum class Level { quiet, normal, verbose };
  struct Options {
    Level level = Level::normal;
    bool terminal = false;  ///< draw a live bar
    double interval = 3.0;  ///< seconds between lines; a live bar is drawn ten times as often
  };

  /// Speaks to `out`, which must outlive it.
  Progress(std::ostream& out, Options options) : out_(&out), options_(options) {}
  /// Says nothing, ever.
  Progress() = default;

  /// What every run says; what --verbose adds; what even --quiet lets through.
  void note(const std::string& text);
  void detail(const std::string& text);
  void warn(const std::string& text);

 private:
  friend class Phase;
  bool speaks(Level least) const { return out_ != nullptr && options_.level >= least; }
  void line(const std::string& text);

  std::ostream* out_ = nullptr;
  Options options_;
};

/// One part of a run with a known amount of work. Tie it to an observer:
///   Phase phase(progress, "gram", entries, "entries");
///   for (Index done = 0; done < entries; phase.update(done)) done += compute_next_tile();
///   phase.finish();
class Phase {
 public:
  /// total: amount of work; 0 where it is not known (then only finish() speaks). unit: e.g. "entries"; empty
  /// where the amounts mean nothing but how far it is.
  Phase(Progress& progress, std::string name, Index total, std::string unit);
  ~Phase();
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;

  Index total() const { return total_; }
  /// `done` of the total so far. Cheap: looks at the clock, and speaks every few seconds.
  void update(Index done);
  /// Says how much was done, in which time, at which rate. Returns the seconds since construction.
  double finish();

 private:
  std::string share(Index done, double seconds) const;
  void draw_bar(const std::string& text, Index done);
  void clear_bar();

  Progress& progress_;
  std::string name_;
  Index total_;
  std::string unit_;
  Index done_ = 0;
  Timer timer_;
  double spoken_ = 0;
  bool bar_drawn_ = false;
};

}  // namespace widegram::jobs
