// A sentence in both languages of crumb's readers.
#ifndef CRUMB_ADVICE_WORDS_H_
#define CRUMB_ADVICE_WORDS_H_

#include <string>
#include <string_view>

namespace crumb {

struct Words {
  std::string en;
  std::string zh;
  const std::string& In(std::string_view language) const { return language == "zh" ? zh : en; }
};

}  // namespace crumb

#endif  // CRUMB_ADVICE_WORDS_H_
