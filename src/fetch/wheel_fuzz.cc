// A wheel of any bytes: opened, listed and read without a fault, and no name leaves the archive.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "fetch/source.h"
#include "fetch/wheel.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  crumb::Result<crumb::Wheel> wheel = crumb::Wheel::Open(bytes, "fuzz.whl");
  if (!wheel.ok()) return 0;
  int64_t left = 16 << 20;  // what is unpacked, all together
  for (size_t i = 0; i < wheel->members().size(); ++i) {
    CRUMB_CHECK(crumb::IsSafeRelativePath(wheel->members()[i].path));
    const crumb::Status status = wheel->Read(i, [&](std::span<const std::byte> piece) {
      left -= static_cast<int64_t>(piece.size());
      return left > 0 ? crumb::OkStatus() : crumb::Interrupted("enough");
    });
    if (status.code() == crumb::StatusCode::kInterrupted) break;
  }
  const auto choice = crumb::ChooseModelFiles(wheel->members(), "", "fuzz");
  if (choice.ok()) CRUMB_CHECK(!choice->files.empty());
  return 0;
}
