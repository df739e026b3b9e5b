#pragma once

namespace widegram::mpi {

/// Seconds that this process has spent in MPI's blocking calls so far: on messages, and on waiting for ranks
/// that are not there yet. ScaLAPACK's and PETSc's calls count, too: the program puts itself before MPI by
/// the profiling interface (MPI 3.1, chapter 14), at some 50 ns a call. A profiler that is preloaded does not
/// see the calls that are taken up so; one that is linked in must be taken in place of waiting.cpp.
double waited_seconds();

/// Its own lifetime counts as waiting, for places that wait without a blocking call. Local; may be nested.
class Waiting {
 public:
  Waiting();
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
};

}  // namespace widegram::mpi
