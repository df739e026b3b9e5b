#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace widegram::jobs {

/// Runs a program to its end, with standard output and error into a file, and returns its exit code (128 and
/// the signal's number where one has ended it). It gets a process group of its own: USR1, INT and TERM that
/// reach this process go on to it once (mpi::StopRequest must listen). Throws Error(files) where it cannot be
/// started.
int run_child(const std::vector<std::string>& words, const std::filesystem::path& log);

/// The line of a log that says most: its last "widegram: ..." message, without that prefix, else its last
/// line that is not empty.
std::string last_word(const std::filesystem::path& log);

/// Exclusive use of a file's name among processes, until destruction. Throws Error(files) where the lock file
/// cannot be made. Symbolic links are not followed.
class FileLock {
 public:
  enum class Wait { yes, no };
  FileLock(const std::filesystem::path& path, Wait wait);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  /// False where another process has it and we did not want to wait.
  bool held() const { return held_; }

 private:
  int file_ = -1;
  bool held_ = false;
};

}  // namespace widegram::jobs
