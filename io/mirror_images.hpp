#pragma once

#include "io/data_set.hpp"

namespace widegram::io {

/// Puts behind every image its left-right mirror image, with the same target: sample i becomes samples 2i and
/// 2i + 1. Local: each rank doubles its own samples; memory: three times what it held, at most. The samples
/// have to be images.
void add_mirror_images(DataSet& set);

}  // namespace widegram::io
