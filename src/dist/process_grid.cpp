#include "src/dist/process_grid.hpp"

#include <exception>
#include <stdexcept>

#include "src/dist/blacs.hpp"

namespace widegram::dist {

ProcessGrid ProcessGrid::square(const mpi::Communicator& comm) {
  return of(comm, GridShape::square(comm.size()));
}

ProcessGrid ProcessGrid::of(const mpi::Communicator& comm, GridShape shape) {
  if (shape.size() != comm.size()) throw std::logic_error("a process grid takes every rank, once");
  return ProcessGrid(std::make_shared<const State>(comm, shape));
}

ProcessGrid::State::State(const mpi::Communicator& parent, GridShape shape_)
    : shape(shape_), comm(parent.duplicate()) {
  system_handle = Csys2blacs_handle(comm.handle());
  context = system_handle;
  Cblacs_gridinit(&context, "Row", shape.rows, shape.cols);
}

ProcessGrid::State::~State() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized || std::uncaught_exceptions() > 0) return;
  Cblacs_gridexit(context);
  Cfree_blacs_system_handle(system_handle);
}

}  // namespace widegram::dist
