#pragma once

#include "gpu/cuda/owners.hpp"
#include "gpu/tensor.hpp"

/// Attributes of cuDNN's descriptors.
namespace troupe::gpu::cuda::detail {

inline result<descriptor_owner> make(cudnnBackendDescriptorType_t type) {
  descriptor_owner made;
  TROUPE_CUDA(cudnnBackendCreateDescriptor, type, made.put());
  return made;
}

using raw = cudnnBackendDescriptor_t;

inline result<void> set(raw of, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                        const void* values) {
  TROUPE_CUDA(cudnnBackendSetAttribute, of, name, type, count, values);
  return {};
}
inline result<void> set(raw of, cudnnBackendAttributeName_t name, raw part) {
  return set(of, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &part);
}
inline result<void> set(raw of, cudnnBackendAttributeName_t name, const dims& numbers) {
  return set(of, name, CUDNN_TYPE_INT64, std::ssize(numbers), numbers.data());
}
template <class Value>
result<void> set_one(raw of, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, Value value) {
  return set(of, name, type, 1, &value);
}
inline result<void> finish(raw of) {
  TROUPE_CUDA(cudnnBackendFinalize, of);
  return {};
}

inline result<std::int64_t> number_of(raw of, cudnnBackendAttributeName_t name) {
  std::int64_t count = 0, number = 0;
  TROUPE_CUDA(cudnnBackendGetAttribute, of, name, CUDNN_TYPE_INT64, 1, &count, &number);
  return number;
}

}  // namespace troupe::gpu::cuda::detail
