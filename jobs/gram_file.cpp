#include "jobs/gram_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "io/gram_store_growth.hpp"
#include "io/result_file.hpp"
#include "jobs/output_folder.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

namespace {

/// The usual reason why a Gram does not grow with its training set.
std::string way_to_grow(const DataSection& data, const io::GramHeader& in_file,
                        const io::GramHeader& in_job) {
  const bool fitted = std::any_of(data.preprocess.begin(), data.preprocess.end(), io::takes_statistics);
  if (!fitted || in_file.n() >= in_job.n() || !data.preprocess_from.empty()) return {};
  return fmt::format(
      "another training set has other statistics, which change every sample: to let a Gram grow, set "
      "data.preprocess_from to the set of {} samples that it was made from; or ",
      in_file.n());
}

}  // namespace

GramFile::GramFile(const CommandContext& context, const std::string& name, const io::GramHeader& header,
                   const Options& options)
    : tests_provided_(header.m() == 0) {
  const mpi::Communicator& comm = context.comm;
  const std::string path = in_output(*context.job, name);
  // A file that is there but cannot be looked at is opened all the same: that names the reason.
  const bool missing =
      comm.broadcast(comm.is_root() && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT ? 1 : 0) != 0;
  if (missing) {
    if (options.needs_store) store_ = io::GramStore::create(comm, path, header);
    return;
  }
  writable_ = comm.broadcast(comm.is_root() && ::access(path.c_str(), W_OK) == 0 ? 1 : 0) != 0;
  store_ = io::GramStore::open(comm, path, writable_ ? hdf5::Access::write : hdf5::Access::read);
  // What a kill has left of a Gram that was growing.
  if (writable_) mpi::on_root(comm, [&] { std::filesystem::remove(io::draft_path(path)); });
  if (options.needs_store && writable_ && io::grows_into(store_->header(), header)) {
    const io::GramHeader& before = store_->header();
    context.progress.note(fmt::format("{} grows from {} samples and {} tests to {} and {}", path, before.n(),
                                      before.m(), header.n(), header.m()));
    store_->close();
    store_ = io::grow_store(comm, path, header);
  }
  const std::string difference = io::difference(store_->header(), header);
  const std::string test_difference = io::test_difference(store_->header(), header);
  store_has_tests_ = test_difference.empty();
  const bool serves = difference.empty() && (store_has_tests_ || !options.keeps_tests);
  if (serves) {
    train_provided_ = store_->done_count(io::GramPart::train) == store_->tiles(io::GramPart::train).count();
    if (!store_has_tests_ && header.m() > 0)
      context.progress.note(fmt::format("{} keeps its own test block: {}", path, test_difference));
    return;
  }
  const std::string reason = io::growth_obstacle(store_->header(), header);
  if (options.needs_store)
    throw mpi::CollectiveError(
        ExitCode::usage,
        fmt::format("{} holds another Gram: {}; {}choose another output folder, or remove the file", path,
                    reason, way_to_grow(context.job->data, store_->header(), header)));
  context.progress.note(fmt::format("{} is left alone: {}", path, reason));
  store_->close();
  store_.reset();
}

void GramFile::finish() {
  if (!store_) return;
  if (!store_->complete() && writable_ && store_has_tests_ && train_provided_ && tests_provided_)
    store_->finish();
  store_->close();
  store_.reset();
}

}  // namespace widegram::jobs
