#pragma once

#include <string>
#include <vector>

namespace widegram::jobs {

/// A table of finished runs, a line a folder: data, kernel, ranks, seconds a phase, test accuracy (or RMSE),
/// and below it the result files with their sizes. What a run did not measure is a dash. One rank. Throws
/// Error(files) for a folder without a readable metrics.json.
std::string report(const std::vector<std::string>& folders);

/// "FOLDER: file (size), ...": what it holds, hidden files aside. One rank. Throws Error(files).
std::string files_of(const std::string& folder);

}  // namespace widegram::jobs
