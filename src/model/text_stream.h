// TextStream: holds back what can not be shown yet: an unfinished character, the start of a stop
// text.
#ifndef CRUMB_MODEL_TEXT_STREAM_H_
#define CRUMB_MODEL_TEXT_STREAM_H_

#include <string>
#include <string_view>
#include <vector>

namespace crumb {

class TextStream {
 public:
  // Empty stop texts are ignored.
  explicit TextStream(std::vector<std::string> stop);

  // Adds bytes and returns those that are sure to belong to the text.
  std::string Add(std::string_view bytes);
  // Everything that is held back; call at the end when no stop text was found.
  std::string Flush();
  // Whether a stop text was found; what follows it is dropped.
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stop_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_TEXT_STREAM_H_
