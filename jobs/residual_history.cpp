#include "jobs/residual_history.hpp"

namespace widegram::jobs {
namespace {

constexpr Index most_points = 1000;

}  // namespace

void ResidualHistory::add(Index iteration, double residual) {
  last_ = {iteration, residual};
  if (added_++ % stride_ != 0) return;
  points_.push_back(last_);
  if (std::ssize(points_) < most_points) return;
  std::vector<Point> fewer;
  for (std::size_t i = 0; i < points_.size(); i += 2) fewer.push_back(points_[i]);
  points_ = std::move(fewer);
  stride_ *= 2;
}

Json ResidualHistory::json() const {
  Json list = Json::array();
  const auto append = [&](const Point& point) { list.push_back({point.iteration, point.residual}); };
  for (const Point& point : points_) append(point);
  if (!points_.empty() && points_.back().iteration != last_.iteration) append(last_);
  return list;
}

}  // namespace widegram::jobs
