#pragma once

namespace widegram::jobs {

/// Processors of this node that are switched on.
int node_processors();
/// Those that this process may run on: fewer where a launcher, a container or taskset says so.
int open_processors();

/// Flops a second of this process in matrix products, measured for about a fifth of a second.
double dgemm_flops();
double sgemm_flops();

}  // namespace widegram::jobs
