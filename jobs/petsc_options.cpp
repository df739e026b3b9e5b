#include "jobs/petsc_options.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

/// An option starts with a dash and no digit: "-5" is a value.
bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9') && word[1] != '.';
}

/// The file that a viewer's value names: "ascii:FILE:format" or ":FILE:format"; empty where it names none.
std::string viewer_file(const std::string& value) {
  const std::size_t begin = value.find(':');
  if (begin == std::string::npos) return "";
  return value.substr(begin + 1, value.find(':', begin + 1) - begin - 1);
}

void require_open(const std::string& option, const std::string& path, std::ios::openmode mode) {
  const std::fstream file(path, mode);
  if (!file.is_open())
    throw Error(ExitCode::files, fmt::format("{}: cannot be opened for the PETSc option {}: {}", path, option,
                                             std::strerror(errno)));
}

}  // namespace

std::vector<std::string> petsc_words(const Job* job, const CommandLine& line) {
  std::vector<std::string> words;
  for (const PetscOption& option : job != nullptr ? job->petsc : std::vector<PetscOption>()) {
    words.push_back(fmt::format("-{}", option.name));
    if (!option.value.empty()) words.push_back(option.value);
  }
  words.insert(words.end(), line.petsc.begin(), line.petsc.end());
  return words;
}

void check_petsc_words(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    if (!is_option(option))
      throw Error(ExitCode::usage,
                  fmt::format("'{}' behind -- is no PETSc option: these start with a dash", option));
    if (i + 1 == words.size() || is_option(words[i + 1])) continue;
    const std::string& value = words[++i];
    if (option == "-options_file") require_open(option, value, std::ios::in);
    if (option.find("view") == std::string::npos) continue;
    if (const std::string file = viewer_file(value); !file.empty()) require_open(option, file, std::ios::app);
  }
}

}  // namespace widegram::jobs
