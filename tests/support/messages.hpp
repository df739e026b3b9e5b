#pragma once

#include <gtest/gtest.h>

#include <string>

#include "src/base/error.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::test {

/// The message with which `work` refuses what a user has written, or "accepted".
template <class F>
std::string usage_message(F&& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "accepted";
}

inline void expect_part(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

/// The work throws a CollectiveError with this code, whose message has these words.
template <class F>
void expect_refused(ExitCode code, const std::string& words, F&& work) {
  try {
    work();
    ADD_FAILURE() << "not refused: " << words;
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), code);
    expect_part(error.what(), words);
  }
}

}  // namespace widegram::test
