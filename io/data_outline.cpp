#include "io/data_outline.hpp"

#include <array>
#include <span>

#include "io/data_source.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

DataOutline outline_data(const mpi::Communicator& comm, const DataSpec& spec) {
  std::array<Index, 4> numbers{};
  mpi::on_root(comm, [&] {
    const SourceText source = parse_source(spec.source);
    const DataHeader header = open_source(source, format_of(source, spec), spec, std::nullopt)->header();
    numbers = {header.shape.channels, header.shape.height, header.shape.width,
               resolve_slice(source, header.samples).size()};
  });
  comm.broadcast(std::span<Index>(numbers));
  return {{numbers[0], numbers[1], numbers[2]}, numbers[3]};
}

}  // namespace widegram::io
