#pragma once

#include <string>
#include <vector>

#include "jobs/plan_phases.hpp"

namespace widegram::jobs {

/// Powers of two times `first`, up to `last`, and `last` itself.
std::vector<Index> node_counts(Index first, Index last);

/// How well a plan meets what was measured, a phase.
struct PlanError {
  std::string phase;
  Index points = 0;
  double median = 0;  ///< of |predicted / measured - 1|
  double most = 0;
};

/// Compares with the finished points of a scaling.json that are not oversubscribed: each is planned as one
/// node with as many ranks, a step of a phase against a step, and the whole time as "total". Throws
/// Error(usage) where the file cannot be read or is none. Local.
std::vector<PlanError> compare_with_points(const PlanSubject& subject, const std::string& path);

/// The table for people, a line a number of nodes, notes below it.
std::string to_text(const PlanSubject& subject, const std::vector<PlanPoint>& points,
                    const std::vector<PlanError>& errors);

Json to_json(const PlanSubject& subject, const std::vector<PlanPoint>& points,
             const std::vector<PlanError>& errors);

}  // namespace widegram::jobs
