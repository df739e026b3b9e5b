#pragma once

#include <optional>
#include <string>

#include "io/gram_store.hpp"
#include "jobs/commands/commands.hpp"
#include "src/gram/schedule.hpp"

namespace widegram::jobs {

/// One Gram file of a job's output folder, as far as it serves the job: its own gram.h5, or a sibling for
/// another depth or function. Construction and finish() are collective; the questions are local.
class GramFile {
 public:
  struct Options {
    bool keeps_tests = false;  ///< the test x train block must end up in the file
    bool needs_store = true;   ///< make the file where there is none, and refuse another Gram's
  };

  /// Opens the file, or makes it. One with other test samples serves for the training Gram where the test
  /// block need not be kept; one that may only be read is read. Throws CollectiveError(usage) naming the
  /// difference where it must be refused.
  GramFile(const CommandContext& context, const std::string& name, const io::GramHeader& header,
           const Options& options);

  /// Whether there is a file with this job's samples, for this part.
  bool serves(io::GramPart part) const { return store_ && (part == io::GramPart::train || store_has_tests_); }
  bool holds(io::GramPart part, TileIndex row, TileIndex col) const {
    return serves(part) && store_->done(part, row, col);
  }
  /// Whether tiles of this part that are computed go there.
  bool takes(io::GramPart part) const { return serves(part) && writable_; }
  /// Only where it serves.
  io::GramStore& store() { return *store_; }

  /// All tiles of the part have been provided: what takes them has them now.
  void set_provided(io::GramPart part) {
    (part == io::GramPart::train ? train_provided_ : tests_provided_) = true;
  }
  /// Marks the file as complete where nothing is missing, and closes it.
  void finish();

 private:
  std::optional<io::GramStore> store_;
  bool store_has_tests_ = true;
  bool writable_ = true;
  bool train_provided_ = false;
  bool tests_provided_ = false;  ///< or there are none
};

}  // namespace widegram::jobs
