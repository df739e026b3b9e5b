#include "jobs/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "src/base/error.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {
namespace {

class SpawnActions {
 public:
  explicit SpawnActions(const std::string& log) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0666);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes_, 0);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  pid_t spawn(const std::vector<std::string>& words) const {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int reason = posix_spawnp(&child, arguments[0], &actions_, &attributes_, arguments.data(), environ);
    if (reason != 0)
      throw Error(ExitCode::files, fmt::format("cannot start {}: {}", words[0], std::strerror(reason)));
    return child;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

int run_child(const std::vector<std::string>& words, const std::filesystem::path& log) {
  const pid_t child = SpawnActions(log.string()).spawn(words);
  const mpi::StopRequest stop;
  bool told = false;
  for (int status = 0;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (!told && !stop.reason().empty()) {
      ::kill(child, stop.hurries() ? SIGTERM : SIGUSR1);
      told = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string last_word(const std::filesystem::path& log) {
  std::ifstream in(log);
  std::string last;
  std::string message;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("widegram: ")) message = line.substr(std::string("widegram: ").size());
    if (line.find_first_not_of(" \t\r-") != std::string::npos) last = line;
  }
  return message.empty() ? last : message;
}

FileLock::FileLock(const std::filesystem::path& path, Wait wait) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file_ < 0)
    throw Error(ExitCode::files,
                fmt::format("{}: cannot make this lock file: {}", path.string(), std::strerror(errno)));
  held_ = ::flock(file_, LOCK_EX | (wait == Wait::no ? LOCK_NB : 0)) == 0;
}

FileLock::~FileLock() { ::close(file_); }

}  // namespace widegram::jobs
