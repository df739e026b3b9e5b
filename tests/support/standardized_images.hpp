#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "io/preprocess.hpp"

namespace widegram::test {

/// The first images of a file, prepared by their own statistics, on this rank alone.
inline io::DataSet standardized_images(const std::string& path, Index count,
                                       const std::vector<std::string>& steps = {"standardize"}) {
  const mpi::Communicator self = mpi::Communicator::self();
  io::DataSet set = io::read_data(self, {.source = fmt::format("{}[:{}]", path, count)});
  io::Preprocessor::fit(self, io::parse_steps(steps), set);
  return set;
}

}  // namespace widegram::test
