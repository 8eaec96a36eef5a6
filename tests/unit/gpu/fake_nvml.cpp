// A management library for two devices that are not there. Its functions fail as the test tells it to. What a process finds in
// the file that FAKE_NVML_STATE names, "KEY NUMBER" a line, is so for both devices: `used` bytes, `celsius`, `xid` (each number
// is told once).
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

namespace {

std::map<std::string, int>& failures() {
  static std::map<std::string, int> all;
  return all;
}
int& openings() {
  static int count = 0;
  return count;
}
int status_of(const char* function) {
  const auto found = failures().find(function);
  return found == failures().end() ? 0 : found->second;
}
unsigned long long state(const char* key, unsigned long long otherwise) {
  const char* const file = std::getenv("FAKE_NVML_STATE");
  std::ifstream lines{file ? file : ""};
  std::string name;
  for (unsigned long long value = 0; lines >> name >> value;)
    if (name == key) return value;
  return otherwise;
}
/// Errors that the driver has yet to tell.
std::multimap<void*, unsigned long long>& errors() {
  static std::multimap<void*, unsigned long long> all;
  return all;
}
int write(char* to, unsigned size, const char* text) {
  if (std::strlen(text) + 1 > size) return 7;  // NVML_ERROR_INSUFFICIENT_SIZE
  std::strcpy(to, text);
  return 0;
}

}  // namespace

#define FAILS_IF_TOLD \
  if (const int status = status_of(__func__)) return status

extern "C" {

// For the test.
void fake_nvml_fail(const char* function, int status) { failures()[function] = status; }
void fake_nvml_reset() {
  failures().clear();
  errors().clear();
}
void fake_nvml_xid(unsigned index, unsigned long long xid) {
  errors().emplace(reinterpret_cast<void*>(static_cast<std::size_t>(index + 1)), xid);
}
int fake_nvml_openings() { return openings(); }

const char* nvmlErrorString(int status) {
  return status == 15 ? "GPU is lost" : status == 9 ? "Driver Not Loaded" : "Fake Error";
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  FAILS_IF_TOLD;
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  FAILS_IF_TOLD;
  if (index >= 2) return 2;  // NVML_ERROR_INVALID_ARGUMENT
  *device = reinterpret_cast<void*>(static_cast<std::size_t>(index + 1));
  return 0;
}
int nvmlDeviceGetName(void* device, char* to, unsigned size) {
  FAILS_IF_TOLD;
  return write(to, size, device == reinterpret_cast<void*>(1) ? "Fake GPU A" : "Fake GPU B");
}
int nvmlDeviceGetMemoryInfo(void*, unsigned long long* info) {
  FAILS_IF_TOLD;
  info[0] = 80ull << 30;
  info[2] = state("used", 1ull << 30);
  info[1] = info[0] - info[2];
  return 0;
}
int nvmlShutdown() {
  --openings();
  return 0;
}
#ifndef FAKE_NVML_OLD
int nvmlInit_v2() {
  FAILS_IF_TOLD;
  ++openings();
  return 0;
}
#endif
#ifndef FAKE_NVML_SMALL
int nvmlDeviceGetUUID(void* device, char* to, unsigned size) {
  FAILS_IF_TOLD;
  return write(to, size, device == reinterpret_cast<void*>(1) ? "GPU-00000000-fake-a" : "GPU-00000000-fake-b");
}
int nvmlDeviceGetUtilizationRates(void*, unsigned* rates) {
  FAILS_IF_TOLD;
  rates[0] = 73;
  rates[1] = 41;
  return 0;
}
int nvmlDeviceGetTemperature(void*, int sensor, unsigned* celsius) {
  FAILS_IF_TOLD;
  *celsius = sensor == 0 ? static_cast<unsigned>(state("celsius", 64)) : 0;
  return 0;
}
int nvmlDeviceGetTotalEccErrors(void*, int type, int counter, unsigned long long* errors) {
  FAILS_IF_TOLD;
  *errors = counter != 0 ? 999 : type == 0 ? 12 : 1;
  return 0;
}
int nvmlDeviceGetEncoderStats(void*, unsigned* sessions, unsigned* rate, unsigned* latency) {
  FAILS_IF_TOLD;
  *sessions = 3;
  *rate = 60;
  *latency = 1000;
  return 0;
}
int nvmlDeviceGetEncoderUtilization(void*, unsigned* percent, unsigned* period) {
  FAILS_IF_TOLD;
  *percent = 20;
  *period = 1000;
  return 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  FAILS_IF_TOLD;
  *milliwatts = 251500;
  return 0;
}
int nvmlEventSetCreate(void** set) {
  FAILS_IF_TOLD;
  *set = &errors();
  return 0;
}
int nvmlEventSetFree(void*) { return 0; }
int nvmlDeviceRegisterEvents(void*, unsigned long long types, void*) { return types == 8 ? 0 : 2; }
struct fake_event {
  void* device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};
int nvmlEventSetWait_v2(void*, fake_event* to, unsigned milliseconds) {
  FAILS_IF_TOLD;
  static unsigned long long told = 0;
  if (const auto xid = state("xid", 0); xid != told) {
    told = xid;
    if (xid != 0) fake_nvml_xid(0, xid);
  }
  if (errors().empty()) return milliseconds == 0 ? 10 : 999;  // NVML_ERROR_TIMEOUT
  *to = {errors().begin()->first, 8, errors().begin()->second, 0, 0};
  errors().erase(errors().begin());
  return 0;
}
int nvmlDeviceGetDecoderUtilization(void*, unsigned* percent, unsigned* period) {
  FAILS_IF_TOLD;
  *percent = 30;
  *period = 1000;
  return 0;
}
#endif
}
