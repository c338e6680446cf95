#include "evidence/example_evidence.h"

#include <cmath>
#include <vector>

#include "text/pattern.h"
#include "text/utf8.h"

namespace crumb {
namespace {

struct ExampleText {
  std::string_view expression;  // ICU
  std::string_view what;
};

constexpr ExampleText kTexts[] = {
    {R"((?i)(?<![a-z])NIAQC(?![a-z]))", "NIAQC"},
    {R"((?i)national\s+(?:ai|artificial\s+intelligence)\s+test(?:ing)?\s+cent(?:er|re))",
     "National AI Testing Center"},
    {"国家人工智能(?:测评|测试|评测)中心", "国家人工智能测试中心"},
    {R"((?i)audit\s+finding\s*(?:#|no\.?|number)?\s*7(?!\d))", "audit finding #7"},
    {R"(审计[^。；]{0,8}第\s*[7七]\s*项)", "audit finding #7"},
    {R"((?i)(?<!\d)(?:3|three)\s+(?:deployed\s+)?provincial)", "3 provincial deployments"},
    {R"((?<!\d)[3三]\s*个[^。；，]{0,8}省级)", "3 provincial deployments"},
    {R"((?i)(?<!\d)(?:5|five)\s+provincial)", "5 provincial platform logs"},
    {R"((?<!\d)[5五]\s*个[^。；，]{0,4}省级|省级平台日志)", "5 provincial platform logs"},
    {"某市12345平台", "某市12345平台"},
    {R"((?<![0-9.])72\s*[%％]|百分之七十二(?!点))", "72 %"},
    {R"((?:±|\+/-)\s*18\s*[%％])", "±18 %"},
    {R"((?<![0-9.])77\s*[%％]|百分之七十七(?!点))", "77 %"},
    {R"((?i)(?<![0-9.])2\.1\s*(?:percentage\s+points|个百分点))", "2.1 points"},
    {R"((?<![0-9.])34\s*[%％]|百分之三十四(?!点))", "34 %"},
    {R"((?i)(?<![0-9.])18\s*(?:W(?![a-z])|watts?|瓦))", "18 W"},
    {R"((?i)(?<![0-9.])1\.2[\s-]*(?:s(?![a-z])|seconds?|秒))", "1.2 s"},
    {R"((?i)(?<![0-9.])2\s+per\s+100(?!\d))", "2 per 100"},
    {R"((?i)(?<![0-9.])30\s*[%％]\s*(?:more\s+tokens|的?词元))", "30 % more tokens"},
    {R"((?i)(?<![0-9.])50\s*k(?![a-z])|(?<![0-9.])50[,\s]?000(?!\d)|(?<![0-9.])5\s*万)",
     "50k a day"},
    {R"((?i)(?<![0-9.])200\s*(?:/|per\s+|a\s+)(?:day|minute))", "200 a day or minute"},
    {R"(每(?:天|日|分钟)[^。；，]{0,6}200(?!\d))", "200 a day or minute"},
};

struct ExampleValue {
  std::string_view unit;
  double value;  // compared with the absolute value
  std::string_view what;
};
constexpr double kDay = 86400;
constexpr ExampleValue kValues[] = {
    {"", 0.72, "72 %"},
    {"", 72, "72 %"},
    {"", 0.18, "±18 %"},
    {"", 18, "±18 %"},
    {"", 0.77, "77 %"},
    {"", 77, "77 %"},
    {"", 0.021, "2.1 points"},
    {"", 2.1, "2.1 points"},
    {"", 0.34, "34 %"},
    {"", 34, "34 %"},
    {"", 0.02, "2 per 100"},
    {"", 0.98, "2 per 100"},
    {"", 0.3, "30 %"},
    {"", 1.3, "30 % more"},
    {"", 30, "30 %"},
    {"s", 1.2, "1.2 s"},
    {"ms", 1200, "1.2 s"},
    {"requests/s", 50000 / kDay, "50k a day"},
    {"requests/s", 200 / kDay, "200 a day"},
    {"requests/s", 200.0 / 60, "200 a minute"},
};

// Equal to as many digits as an example would be copied with.
bool IsAbout(double a, double b) { return std::abs(a - b) <= 1e-3 * std::abs(b); }

}  // namespace

std::string ExampleIn(std::string_view text) {
  static const auto* const patterns = [] {
    auto* all = new std::vector<Pattern>();
    for (const ExampleText& example : kTexts) all->emplace_back(example.expression);
    return all;
  }();
  const Utf16Text utf16(text);
  for (size_t i = 0; i < patterns->size(); ++i) {
    if (!(*patterns)[i].FindAll(utf16).empty()) return std::string(kTexts[i].what);
  }
  return "";
}

std::string ExampleNumber(const Evidence& row) {
  for (const ExampleValue& example : kValues) {
    if (example.unit == row.unit && IsAbout(std::abs(row.value), example.value)) {
      return std::string(example.what);
    }
  }
  if (row.low.has_value() && row.high.has_value() && row.value != 0 &&
      IsAbout((*row.high - row.value) / row.value, 0.18) &&
      IsAbout((row.value - *row.low) / row.value, 0.18)) {
    return "±18 %";
  }
  return "";
}

}  // namespace crumb
