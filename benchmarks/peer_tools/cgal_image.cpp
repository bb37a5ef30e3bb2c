// A labelled image to tets with CGAL's 3D Mesh Generation, through its public interface.
//
//   cgal_image IMAGE.inr WEIGHTS.inr|- RESULT FEATURES(0|1) FACET_SIZE FACET_DISTANCE CELL_SIZE EXUDE(0|1)
//
// RESULT gets raw arrays: RESULT.points (n x 3 float64), RESULT.tets (m x 4 int32), RESULT.labels (m int32). The seconds
// from image in memory to mesh in memory go to stdout.
#include <CGAL/Exact_predicates_inexact_constructions_kernel.h>
#include <CGAL/Image_3.h>
#include <CGAL/Labeled_mesh_domain_3.h>
#include <CGAL/Mesh_3/Detect_features_in_image.h>
#include <CGAL/Mesh_complex_3_in_triangulation_3.h>
#include <CGAL/Mesh_criteria_3.h>
#include <CGAL/Mesh_domain_with_polyline_features_3.h>
#include <CGAL/Mesh_triangulation_3.h>
#include <CGAL/make_mesh_3.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

using Kernel = CGAL::Exact_predicates_inexact_constructions_kernel;
using Image_domain = CGAL::Labeled_mesh_domain_3<Kernel>;
using Domain = CGAL::Mesh_domain_with_polyline_features_3<Image_domain>;
#ifdef CGAL_LINKED_WITH_TBB
using Tag = CGAL::Parallel_tag;
#else
using Tag = CGAL::Sequential_tag;
#endif
using Triangulation = CGAL::Mesh_triangulation_3<Domain, CGAL::Default, Tag>::type;
using Complex = CGAL::Mesh_complex_3_in_triangulation_3<Triangulation, Domain::Corner_index, Domain::Curve_index>;
using Criteria = CGAL::Mesh_criteria_3<Triangulation>;
namespace params = CGAL::parameters;

template <class T> void write(const std::string& path, const std::vector<T>& values) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(values.data()), std::streamsize(values.size() * sizeof(T)));
}

Domain make_domain(CGAL::Image_3& image, CGAL::Image_3& weights, bool weighted, bool features) {
  const double accuracy = 1e-6;
  if (features && weighted)
    return Domain::create_labeled_image_mesh_domain(
        image, params::weights(weights).relative_error_bound(accuracy).features_detector(
                   CGAL::Mesh_3::Detect_features_in_image()));
  if (features)
    return Domain::create_labeled_image_mesh_domain(
        image, params::relative_error_bound(accuracy).features_detector(CGAL::Mesh_3::Detect_features_in_image()));
  if (weighted)
    return Domain::create_labeled_image_mesh_domain(
        image, params::weights(weights).relative_error_bound(accuracy));
  return Domain::create_labeled_image_mesh_domain(image, params::relative_error_bound(accuracy));
}

void save(const Complex& mesh, const std::string& result) {
  std::unordered_map<const void*, std::int32_t> number;
  std::vector<double> points;
  std::vector<std::int32_t> tets, labels;
  for (auto cell = mesh.cells_in_complex_begin(); cell != mesh.cells_in_complex_end(); ++cell) {
    for (int corner = 0; corner < 4; ++corner) {
      const auto vertex = cell->vertex(corner);
      const auto found = number.try_emplace(&*vertex, std::int32_t(number.size()));
      if (found.second)
        for (int axis = 0; axis < 3; ++axis) points.push_back(CGAL::to_double(vertex->point()[axis]));
      tets.push_back(found.first->second);
    }
    labels.push_back(std::int32_t(cell->subdomain_index()));
  }
  write(result + ".points", points);
  write(result + ".tets", tets);
  write(result + ".labels", labels);
}

int main(int count, char** given) {
  if (count != 9) {
    std::cerr << "cgal_image IMAGE WEIGHTS|- RESULT FEATURES FACET_SIZE FACET_DISTANCE CELL_SIZE EXUDE\n";
    return 2;
  }
  CGAL::Image_3 image, weights;
  const bool weighted = std::string(given[2]) != "-";
  if (!image.read(given[1]) || (weighted && !weights.read(given[2]))) {
    std::cerr << "the image cannot be read\n";
    return 2;
  }
  const bool features = std::atoi(given[4]) != 0, exude = std::atoi(given[8]) != 0;
  const double facet_size = std::atof(given[5]), distance = std::atof(given[6]), cell_size = std::atof(given[7]);
  const auto start = std::chrono::steady_clock::now();
  const Domain domain = make_domain(image, weights, weighted, features);
  const Criteria criteria(params::edge_size(features ? facet_size : 0).facet_angle(30).facet_size(facet_size)
                              .facet_distance(distance).cell_radius_edge_ratio(2).cell_size(cell_size));
  const Complex mesh = exude ? CGAL::make_mesh_3<Complex>(domain, criteria)
                             : CGAL::make_mesh_3<Complex>(domain, criteria, params::no_exude().no_perturb());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  save(mesh, given[3]);
  std::cout << "{\"seconds\": " << seconds.count() << "}\n";
  return 0;
}
