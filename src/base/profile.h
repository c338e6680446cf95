// Where the time of one thread goes, by kinds of work: a few marks in the code that cost a branch
// each while nobody looks, and two readings of the clock while somebody does.
//
//   Profile profile;              // this thread, from now on
//   session.Forward(...);
//   profile.Seconds(WorkKind::kMatrices)
#ifndef CRUMB_BASE_PROFILE_H_
#define CRUMB_BASE_PROFILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace crumb {

enum class WorkKind {
  kOther,      // no mark says what
  kMatrices,   // products with weights
  kRotations,  // input transforms of activations
  kRounding,   // copies of activations, and their int8 codes
  kAttention,  // scores, softmax, sums of values; storing keys and values
  kNorms,
  kLayers,    // activation functions, rotary embeddings, sums, biases
  kSampling,  // choosing the next token
  kWaiting,   // handing work to the other threads, and waiting until they are done
};
inline constexpr size_t kWorkKinds = 9;
std::string_view WorkKindName(WorkKind kind);

// Sums the time of the thread that made it, exclusively: what happens inside an inner mark is not
// counted for the outer one. At most one a thread at a time; made and destroyed by that thread,
// outside of marks.
class Profile {
 public:
  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  // Up to the last mark, or to now for the kind that is running. Only from the profiled thread.
  double Seconds(WorkKind kind);

 private:
  friend class ProfileMark;
  WorkKind Switch(WorkKind to);  // returns what it was
  std::array<int64_t, kWorkKinds> nanoseconds_{};
  WorkKind current_ = WorkKind::kOther;
  int64_t since_ = 0;
};

namespace internal {
// Of this thread; usually none.
extern constinit thread_local Profile* profile;
}  // namespace internal

// A mark: what this thread does until the end of the scope.
class ProfileMark {
 public:
  explicit ProfileMark(WorkKind kind) : profile_(internal::profile) {
    if (profile_ != nullptr) before_ = profile_->Switch(kind);
  }
  ~ProfileMark() {
    if (profile_ != nullptr) profile_->Switch(before_);
  }
  ProfileMark(const ProfileMark&) = delete;
  ProfileMark& operator=(const ProfileMark&) = delete;

 private:
  Profile* profile_;
  WorkKind before_ = WorkKind::kOther;
};

}  // namespace crumb

#endif  // CRUMB_BASE_PROFILE_H_
