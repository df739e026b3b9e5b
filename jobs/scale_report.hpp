#pragma once

#include <string>
#include <vector>

#include "jobs/scale_model.hpp"

namespace widegram::jobs {

/// What a study was asked for and has come to.
struct ScaleReport {
  std::string name;
  std::string command;
  Index processors = 1;
  ScaleOptions options;
  std::vector<MeasuredPoint> points;
  std::vector<PhaseModel> models;
};

Json to_json(const ScaleReport& report);
/// A line a point and phase.
std::string to_csv(const ScaleReport& report);
/// For people.
std::string to_text(const ScaleReport& report);

}  // namespace widegram::jobs
