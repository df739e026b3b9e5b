// gram_store_writer PATH: goes on with the unfinished Gram store at PATH, one tile at a time, until it is
// complete or killed.

#include "src/mpi/session.hpp"
#include "tests/io/store_support.hpp"

int main(int, char** argv) {
  using namespace widegram;
  const mpi::Session session;
  const mpi::Communicator comm = mpi::Communicator::world();
  io::GramStore store = io::GramStore::open(comm, argv[1], hdf5::Access::write);
  io::testing_support::write_missing<float>(
      store, [](Index) { return true; }, 1);
  store.finish();
  store.close();
}
