// Prints a page of jobs/command_pages.hpp; the build runs it for what is installed.
//   widegram_pages widegram.1 | widegram-job.5 | widegram.bash | _widegram | widegram.fish
#include <fmt/format.h>

#include <map>
#include <string>

#include "jobs/command_pages.hpp"

int main(int argc, char** argv) {
  using namespace widegram::jobs;
  const std::map<std::string, std::string (*)()> pages{
      {"widegram.1", command_manual},
      {"widegram-job.5", job_manual},
      {"widegram.bash", [] { return completion(Shell::bash); }},
      {"_widegram", [] { return completion(Shell::zsh); }},
      {"widegram.fish", [] { return completion(Shell::fish); }}};
  const auto page = argc == 2 ? pages.find(argv[1]) : pages.end();
  if (page == pages.end()) {
    fmt::print(stderr, "usage: widegram_pages PAGE; pages:");
    for (const auto& [name, make] : pages) fmt::print(stderr, " {}", name);
    fmt::print(stderr, "\n");
    return 2;
  }
  fmt::print("{}", page->second());
  return 0;
}
