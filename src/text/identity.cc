#include "text/identity.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace crumb {
namespace {

struct Shape {
  IdentityFamily family;
  std::string_view what;
  std::string_view instead;
  std::string_view expression;  // ICU
};

// Stand for themselves in the expressions below.
constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    // Chinese surnames that begin few other words.
    {"<surname>",
     "[王李张刘陈杨赵黄周吴徐孙胡朱郭何罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘董袁余叶蒋杜苏魏吕丁沈姚"
     "卢姜崔钟谭陆汪范廖贾韦付邹孟熊秦邱尹薛阎段侯陶黎贺顾郝龚邵钱严]"},
    {"<month>",
     "january|february|march|april|(?-i:May)|june|july|august|september|october|november|"
     "december"},
    {"<given>",
     "James|John|Robert|Michael|William|David|Richard|Joseph|Thomas|Charles|Daniel|Matthew|"
     "Anthony|Mark|Steven|Paul|Andrew|Joshua|Kevin|Brian|George|Edward|Peter|Alan|Frank|Henry|"
     "Jack|Mary|Patricia|Jennifer|Linda|Elizabeth|Barbara|Susan|Jessica|Sarah|Karen|Lisa|Nancy|"
     "Betty|Margaret|Sandra|Ashley|Emily|Donna|Michelle|Carol|Amanda|Laura|Anna|Jane|Alice|Maria|"
     "Wei|Xiaoming|Xiaohong"},
    {"<pinyin>",
     "Wang|Li|Zhang|Liu|Chen|Yang|Huang|Zhao|Wu|Zhou|Xu|Zhu|Guo|Gao|Luo|Zheng|Liang|Xie"},
    {"<title>",
     "先生|女士|小姐|老师|教授|博士|主任|局长|处长|科长|经理|工程师|同志|院长|总监|组长|主管|部长|"
     "校长|医生|律师"},
};

constexpr std::array kShapes = {
    Shape{IdentityFamily::kContact, "a URL", "name the publication and who published it",
          R"((?i)(?:https?|ftp|file)[:：]/{0,2}[^\s，。；、）”]+|www\.[^\s，。；、）”]+)"},
    Shape{IdentityFamily::kContact, "an e-mail address", "leave it out",
          R"((?<![A-Za-z0-9_.-])[A-Za-z0-9_.+-]+@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)"},
    Shape{
        IdentityFamily::kContact, "a domain", "name the publication and who published it",
        R"((?i)(?<![A-Za-z0-9_.-])(?:[a-z0-9-]+\.)+(?:com|cn|net|org|gov|edu|io|ai|top|xyz|dev|info|local|internal|co|me|tv|cc)(?![A-Za-z0-9_]))"},
    Shape{
        IdentityFamily::kContact, "an IP address", "say what kind of machine it was",
        R"((?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?i)(?<![0-9a-z:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![0-9a-z:])|(?<![0-9a-z:])(?:[0-9a-f]{1,4}:){1,6}:[0-9a-f]{1,4}(?![0-9a-z]))"},
    Shape{
        IdentityFamily::kContact, "a telephone number", "leave it out",
        R"((?<!\d)1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[-\s]\d{7,8}(?!\d)|(?<!\d)(?:400|800)[-\s]?\d{3}[-\s]?\d{4}(?!\d)|\+\d{1,3}[\s-]?\d(?:[\s-]?\d){6,11}(?!\d))"},
    Shape{IdentityFamily::kContact, "a card number", "leave it out",
          R"((?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{16,19}(?!\d)|(?<!\d)\d{4}(?:[ -]\d{4}){3}(?!\d))"},
    Shape{IdentityFamily::kContact, "an account", "leave it out",
          R"((?i)微信号|(?<![a-z])QQ\s*群?[:：]?\s*\d{5,})"},
    Shape{IdentityFamily::kIdentifier, "a UUID", "leave it out",
          R"((?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"},
    Shape{
        IdentityFamily::kIdentifier, "a path", "write the base name, or what the file is",
        R"((?<![A-Za-z0-9_/])(?:/[A-Za-z0-9_.-]+){2,}|[a-zA-Z]:\\[A-Za-z0-9_\\.-]+|\\\\[A-Za-z0-9_.-]+)"},
    Shape{
        IdentityFamily::kIdentifier, "the name of a host", "say what kind of machine it was",
        R"((?i)(?<![A-Za-z0-9_-])[a-z][a-z0-9]*(?:(?:-[a-z0-9]+)*-?\d{2,}|(?:-[a-z0-9]+)*-\d+)(?:[.-][a-z0-9-]+)*(?![A-Za-z0-9_%])(?<!\d[a-z]))"},
    Shape{IdentityFamily::kIdentifier, "a user at a machine", "name the role",
          R"((?<![A-Za-z0-9_.])[A-Za-z0-9_.-]+@[A-Za-z0-9_-]+(?!\.[A-Za-z]{2,}))"},
    Shape{IdentityFamily::kIdentifier, "a hardware address or a hash", "leave it out",
          R"((?i)[0-9a-f]{2}(?::[0-9a-f]{2}){3,}|(?<![0-9a-f])[0-9a-f]{12,}(?![0-9a-f]))"},
    Shape{IdentityFamily::kIdentifier, "a repository or path", "write the name of the model",
          R"((?<![A-Za-z0-9_./])[a-z0-9_.-]{3,}/[a-z0-9_.-]{3,})"},
    // A month is one wherever it stands; a day only with one, or as a weekday.
    Shape{
        IdentityFamily::kDate, "a date more exact than a quarter",
        "write the year or the quarter, like 2026-Q4",
        R"((?:[0-9０-９]{1,2}|十[一二]?|[一二三四五六七八九])\s*月(?:份|[0-9０-９一二三四五六七八九十]+[日号]?)?(?!亮))"
        R"(|[0-9０-９]{1,2}\s*[日号](?!线|楼|机|称)|(?:周|星期|礼拜)[一二三四五六日天]|第\s*[0-9０-９]{1,2}\s*周)"
        R"(|(?:19|20)\d{2}\s*[-/.]\s*\d{1,2}(?:\s*[-/.]\s*\d{1,2})?(?!\d)|\d{1,2}:\d{2})"
        R"(|(?<!\d)\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d{2}(?!\d))"
        R"(|(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d))"
        R"(|(?i)(?<![a-z])(?:<month>)(?![a-z]))"
        R"(|(?<![a-z])(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?\s+(?:\d{1,2},?\s+)?(?:19|20)\d{2})"
        R"(|(?<![a-z])(?:mon|tues|wednes|thurs|fri|satur|sun)day(?![a-z])|(?<![a-z])week\s+\d{1,2}(?!\d))"
        R"(|[上下本当]个?月|[一二三四五六七八九十]+[日号](?=[上下]午|凌晨|当天))"},
    Shape{IdentityFamily::kPerson, "a user name", "name the role",
          R"((?i)(?<![a-z])(?:user(?:[ _-]?(?:name|id))?|login|account)\s*[:=：]\s*[^\s,;，；]+)"
          R"(|(?:用户名|账号|工号)\s*[:：]?\s*[A-Za-z0-9_]+)"},
    Shape{
        IdentityFamily::kPerson, "a person's name",
        "name the office or the role (of an organisation: what of it)",
        R"((?<![A-Za-z])(?:Mr|Mrs|Ms|Dr|Prof|Professor|Mister|Sir|Madam)\.?\s+[A-Z][a-z]+)"
        R"(|(?<![A-Za-z])(?:<given>)\s+(?:[A-Z]\.\s*)?[A-Z][a-z]+)"
        R"(|(?<![A-Za-z])(?:<pinyin>)\s+[A-Z][a-z]+(?![A-Za-z]))"
        R"(|^\s*[A-Z][a-z]+\s+(?:[A-Z]\.\s*)?[A-Z][a-z]+\s*$)"
        R"(|<surname>\p{Han}{0,2}(?:<title>))"
        R"(|(?:联系人|负责人|作者|经办人|审计员|记录人|填报人)[:：]?\s*<surname>\p{Han}{1,2}(?!\p{Han}))"
        R"(|^\s*<surname>\p{Han}{1,2}\s*$)"},
};

// Families of public models, data sets, formats and chips whose members are named like hosts.
constexpr std::string_view kPublicNames =
    R"((?i)(?<![a-z0-9])(?:llama|tinyllama|codellama|qwen|gpt|opt|bloom|mistral|mixtral|gemma|phi|falcon|deepseek|chatglm|glm|baichuan|yi|internlm|pythia|bert|roberta|deberta|albert|t5|vit|resnet|whisper|smollm|minilm|babyllama|stories|bitnet|mobilellm|olmo|minicpm|mmlu|cmmlu|ceval|c-eval|sts|gsm8k|sst|glue|int|uint|fp|bf|nf|mxfp|q|iq|w|a|v|t|l|h|b|gb|gh|mi|rtx|gtx|xeon|epyc|zen|cortex|neoverse|ascend|kunpeng|atlas|orin|rockchip|rk|ipv)(?:[.-]?[0-9][a-z0-9.]*)+(?:-[a-z0-9.]+)*(?![a-z0-9]))";

const std::vector<Pattern>& Patterns() {
  static const auto* const patterns = [] {
    auto* all = new std::vector<Pattern>();
    for (const Shape& shape : kShapes) {
      std::string expression(shape.expression);
      for (const auto& [word, stands_for] : kWords) {
        expression = ReplaceAll(expression, word, stands_for);
      }
      all->emplace_back(expression);
    }
    return all;
  }();
  return *patterns;
}

bool Covers(const std::vector<Span>& names, const Span& span) {
  return std::ranges::any_of(
      names, [&](const Span& name) { return name.begin <= span.begin && name.end >= span.end; });
}

}  // namespace

std::vector<IdentityMatch> FindIdentity(const Utf16Text& text, IdentityFamily family) {
  std::vector<IdentityMatch> all;
  for (size_t i = 0; i < kShapes.size(); ++i) {
    if (kShapes[i].family != family) continue;
    for (const Span& span : Patterns()[i].FindAll(text)) {
      all.push_back({span, kShapes[i].what, kShapes[i].instead});
    }
  }
  std::ranges::stable_sort(all, {}, [](const IdentityMatch& match) { return match.span.begin; });
  std::vector<IdentityMatch> apart;
  for (const IdentityMatch& match : all) {
    if (apart.empty() || match.span.begin >= apart.back().span.end) apart.push_back(match);
  }
  return apart;
}

std::optional<IdentityMatch> FirstIdentity(std::string_view text) {
  static const Pattern public_names(kPublicNames);
  const Utf16Text utf16(text);
  std::optional<std::vector<Span>> names;
  for (const IdentityFamily family : {IdentityFamily::kContact, IdentityFamily::kIdentifier,
                                      IdentityFamily::kDate, IdentityFamily::kPerson}) {
    for (const IdentityMatch& match : FindIdentity(utf16, family)) {
      if (family == IdentityFamily::kIdentifier) {
        const std::string_view found =
            text.substr(match.span.begin, match.span.end - match.span.begin);
        if (found == "tokens/s" || found == "bytes/s" || found == "requests/s") continue;
        if (!names.has_value()) names = public_names.FindAll(utf16);
        if (Covers(*names, match.span)) continue;
      }
      return match;
    }
  }
  return std::nullopt;
}

}  // namespace crumb
