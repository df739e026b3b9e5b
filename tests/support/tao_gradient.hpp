#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/petsc_option.hpp"

namespace widegram::test {

/// Runs train() with TAO's own test of the gradient: how far each gradient is from TAO's one-sided
/// differences, relative to its norm. Rank 0 alone knows; elsewhere the list is empty.
template <class Train>
std::vector<double> gradient_errors_by_tao(Train&& train) {
  const PetscOption option("-tao_test_gradient", nullptr);
  testing::internal::CaptureStdout();
  train();
  const std::string told = testing::internal::GetCapturedStdout();
  const std::string before = "2-norm ||G - Gfd||/||G|| = ";
  std::vector<double> errors;
  for (std::size_t at = told.find(before); at != std::string::npos; at = told.find(before, at + 1))
    errors.push_back(std::stod(told.substr(at + before.size())));
  return errors;
}

}  // namespace widegram::test
