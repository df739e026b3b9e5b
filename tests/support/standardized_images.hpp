#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "io/preprocess.hpp"

namespace widegram::test {

/// The first images of a file, standardized among themselves, on this rank alone.
inline io::DataSet standardized_images(const std::string& path, Index count) {
  const mpi::Communicator self = mpi::Communicator::self();
  io::DataSet set = io::read_data(self, {.source = fmt::format("{}[:{}]", path, count)});
  io::Preprocessor::fit(self, io::parse_steps(std::vector<std::string>{"standardize"}), set);
  return set;
}

}  // namespace widegram::test
