#pragma once

#include <string>
#include <vector>

namespace widegram::jobs {

struct Report {
  std::string text;                 ///< empty where no folder could be read
  std::vector<std::string> unread;  ///< why, a line a folder without a readable metrics.json
};

/// A table of finished runs, a line a folder: data, kernel, ranks, seconds a phase, test accuracy (or RMSE),
/// and below it the result files with their sizes. What a run did not measure is a dash. One rank.
Report report(const std::vector<std::string>& folders);

/// Prints it. Throws Error(files) behind that where a folder could not be read.
void print_report(const std::vector<std::string>& folders);

/// "FOLDER: file (size), ...": what it holds, hidden files aside. One rank. Throws Error(files).
std::string files_of(const std::string& folder);

}  // namespace widegram::jobs
