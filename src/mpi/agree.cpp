#include "src/mpi/agree.hpp"

namespace widegram::mpi {

Error file_error(const std::filesystem::filesystem_error& error) {
  return Error(ExitCode::files, error.path1().string() + ": " + error.code().message() +
                                    "; mend its permissions, or name another path");
}

void agree(const Communicator& comm, const std::optional<Error>& local_error) {
  const int lowest = comm.min(local_error ? comm.rank() : comm.size());
  if (lowest == comm.size()) return;
  const int code = comm.broadcast(local_error ? static_cast<int>(local_error->code()) : 0, lowest);
  throw CollectiveError(
      static_cast<ExitCode>(code),
      comm.broadcast(local_error ? std::string(local_error->what()) : std::string(), lowest));
}

}  // namespace widegram::mpi
