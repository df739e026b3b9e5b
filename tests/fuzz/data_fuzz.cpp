// Readers of data sets. The first byte names the format, the second says how much of the rest is the labels'
// file, where a format has one.
#include <fstream>

#include "io/data_set.hpp"
#include "src/mpi/communicator.hpp"
#include "tests/fuzz/target.hpp"

namespace {

void write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace widegram;
  static const mpi::Communicator self = mpi::Communicator::self();
  static const fuzz::Folder folder;
  fuzz::Bytes bytes(data, size);
  const std::string format = io::data_formats()[bytes.below(io::data_formats().size())];
  const std::size_t labels = bytes.byte();
  const std::string file = folder / "train-images-idx3-ubyte";
  const std::string beside = folder / "train-labels-idx1-ubyte";
  write(beside, bytes.text(labels));
  write(file, bytes.rest());
  // HDF5's library itself does not stand any bytes: hdf5_fuzz.cpp gives it files with any contents.
  if (format == "hdf5" || std::ifstream(file, std::ios::binary).get() == 0x89) return 0;
  for (const std::string& where : {std::string("auto"), beside})
    fuzz::may_be_refused({ExitCode::data, ExitCode::usage},
                         [&] { io::read_data(self, {.source = file, .format = format, .labels = where}); });
  return 0;
}
