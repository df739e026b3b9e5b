#include "src/base/memory.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace widegram {
namespace {

/// What /proc/meminfo says behind `key`, in bytes.
std::optional<Index> meminfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  Index kibibytes = 0;
  std::string unit;
  while (file >> name >> kibibytes && std::getline(file, unit))
    if (name == key + ":") return kibibytes * 1024;
  return std::nullopt;
}

std::optional<Index> number_in(const std::string& path) {
  std::ifstream file(path);
  Index value = 0;
  if (file >> value) return value;
  return std::nullopt;  // no such file, or "max"
}

/// Room left in a control group, over its ancestors; version 2 of the interface, then version 1.
std::optional<Index> control_group_room() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  std::optional<Index> room;
  const auto consider = [&](const std::string& folder, const char* limit_name, const char* usage_name) {
    const auto limit = number_in(folder + limit_name);
    const auto usage = number_in(folder + usage_name);
    if (limit && usage) room = std::min(room.value_or(*limit - *usage), *limit - *usage);
  };
  while (std::getline(groups, line)) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool unified = controllers.empty();
    if (!unified && controllers.find("memory") == std::string::npos) continue;
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    while (!path.empty() && path != "/") {
      if (unified)
        consider(root + path, "/memory.max", "/memory.current");
      else
        consider(root + path, "/memory.limit_in_bytes", "/memory.usage_in_bytes");
      path.resize(path.rfind('/'));
    }
  }
  return room;
}

}  // namespace

Index available_memory() {
  const Index machine = meminfo("MemAvailable").value_or(0);
  const auto group = control_group_room();
  return group ? std::clamp<Index>(*group, 0, machine) : machine;
}

Index peak_resident_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Index{usage.ru_maxrss} * 1024;
}

}  // namespace widegram
