#pragma once

#include <string>

namespace widegram::jobs {

/// Version, commit and compiler of the program and versions of the libraries it runs with, one a line.
std::string version_text();

/// "1.10.8"; of the library that is loaded and of the headers that the program was built with.
std::string hdf5_library_version();
std::string hdf5_header_version();
std::string petsc_version();
std::string mpi_library_version();

}  // namespace widegram::jobs
