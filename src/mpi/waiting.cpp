#include "src/mpi/waiting.hpp"

#include <mpi.h>

#include "src/base/timer.hpp"

namespace widegram::mpi {
namespace {

/// MPI is called from one thread.
double waited = 0;
int depth = 0;
Timer since;

}  // namespace

double waited_seconds() { return waited; }

Waiting::Waiting() {
  if (depth++ == 0) since = Timer();
}

Waiting::~Waiting() {
  if (--depth == 0) waited += since.seconds();
}

}  // namespace widegram::mpi

using widegram::mpi::Waiting;

extern "C" {

int MPI_Send(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Send(data, count, type, to, tag, comm);
}

int MPI_Recv(void* data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Recv(data, count, type, from, tag, comm, status);
}

int MPI_Sendrecv(const void* sent, int send_count, MPI_Datatype send_type, int to, int send_tag,
                 void* received, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
                 MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Sendrecv(sent, send_count, send_type, to, send_tag, received, count, type, from, tag, comm,
                       status);
}

int MPI_Wait(MPI_Request* request, MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Wait(request, status);
}

int MPI_Waitall(int count, MPI_Request requests[], MPI_Status statuses[]) {
  const Waiting waiting;
  return PMPI_Waitall(count, requests, statuses);
}

int MPI_Waitany(int count, MPI_Request requests[], int* index, MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Waitany(count, requests, index, status);
}

int MPI_Barrier(MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Barrier(comm);
}

int MPI_Bcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Bcast(data, count, type, root, comm);
}

int MPI_Reduce(const void* part, void* result, int count, MPI_Datatype type, MPI_Op op, int root,
               MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Reduce(part, result, count, type, op, root, comm);
}

int MPI_Allreduce(const void* part, void* result, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Allreduce(part, result, count, type, op, comm);
}

int MPI_Allgather(const void* part, int part_count, MPI_Datatype part_type, void* all, int count,
                  MPI_Datatype type, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Allgather(part, part_count, part_type, all, count, type, comm);
}

int MPI_Allgatherv(const void* part, int part_count, MPI_Datatype part_type, void* all, const int counts[],
                   const int starts[], MPI_Datatype type, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Allgatherv(part, part_count, part_type, all, counts, starts, type, comm);
}

int MPI_Alltoall(const void* sent, int send_count, MPI_Datatype send_type, void* received, int count,
                 MPI_Datatype type, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Alltoall(sent, send_count, send_type, received, count, type, comm);
}

int MPI_Alltoallv(const void* sent, const int send_counts[], const int send_starts[], MPI_Datatype send_type,
                  void* received, const int counts[], const int starts[], MPI_Datatype type, MPI_Comm comm) {
  const Waiting waiting;
  return PMPI_Alltoallv(sent, send_counts, send_starts, send_type, received, counts, starts, type, comm);
}

}  // extern "C"
