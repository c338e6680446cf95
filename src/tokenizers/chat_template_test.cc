// Templates against Python's jinja2 (tools/make_tokenizer_fixtures.py), and templates that mean
// harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jinja/eval.h"
#include "tokenizers/files_for_test.h"

namespace crumb {
namespace {

using testing::HasSubstr;

jinja::Value ToValue(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    jinja::List list;
    for (const Json& item : json) list.push_back(ToValue(item));
    return list;
  }
  if (!json.is_object()) return {};
  jinja::Dict dict;
  for (const auto& [key, item] : json.items()) dict.emplace_back(key, ToValue(item));
  return dict;
}

Status ErrorOf(std::string_view source) { return jinja::Render(source, {}).status(); }

TEST(ChatTemplate, PrintsWhatPythonsJinjaPrints) {
  const Json cases = Fixture("chat_templates.json");
  ASSERT_GE(cases.size(), 60u);
  for (const Json& one : cases) {
    const auto text =
        jinja::Render(one["template"].get<std::string>(), ToValue(one["variables"]).dict());
    if (one["expected"].is_null()) {
      EXPECT_FALSE(text.ok()) << one["template"];
    } else {
      ASSERT_TRUE(text.ok()) << text.status().message() << "\n" << one["template"];
      EXPECT_EQ(*text, one["expected"].get<std::string>()) << one["template"];
    }
  }
}

TEST(ChatTemplate, RaiseExceptionIsTheTemplatesOwnMessage) {
  const Status status = ErrorOf("{{ raise_exception('roles must ' ~ 'alternate') }}");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("roles must alternate"));
}

TEST(ChatTemplate, UnknownConstructsAreNamedWithTheirLine) {
  for (const auto& [source, name] : std::vector<std::pair<std::string, std::string>>{
           {"\n{{ strftime_now('%d') }}", "strftime_now"},
           {"\n{{ 1 | xmlattr }}", "xmlattr"},
           {"\n{{ 1 is callable }}", "callable"},
           {"\n{{ 'a'.zfill(3) }}", "zfill"},
           {"\n{% include 'x' %}", "include"}}) {
    const Status status = ErrorOf(source);
    EXPECT_EQ(status.code(), StatusCode::kUnsupported) << source;
    EXPECT_THAT(status.message(), HasSubstr(name));
    EXPECT_THAT(status.message(), HasSubstr("line 2"));
  }
}

TEST(ChatTemplate, BrokenSyntaxIsCorruptWithItsLine) {
  for (const std::string source : {"\n{{ 1", "\n{% if x %}", "\n{% endif %}", "\n{{ 'a }}",
                                   "\n{{ (1 }}", "\n{{ 1 + }}", "\n{% for x %}{% endfor %}",
                                   "\n{% set = 1 %}", "\n{# no end", "\n{{ a[] }}", "\n{{ $ }}"}) {
    const Status status = ErrorOf(source);
    EXPECT_EQ(status.code(), StatusCode::kCorrupt) << source;
    EXPECT_THAT(status.message(), HasSubstr("line 2")) << source;
  }
}

TEST(ChatTemplate, EndlessWorkIsRefused) {
  for (const std::string source :
       {"{% for a in range(9999999) %}{% for b in range(9999999) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(s='x') %}{% for a in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor "
        "%}",
        "{{ 'x' * 99999999999 }}", "{{ ('x' * 60000000)|replace('x', 'yyyyyyyyyyyyyyyyyyyy') }}",
        "{% set n = namespace(l=[1]) %}{% for a in range(99) %}{% set n.l = n.l + n.l %}{% endfor "
        "%}"}) {
    EXPECT_EQ(ErrorOf(source).code(), StatusCode::kInvalidArgument) << source;
  }
}

TEST(ChatTemplate, DepthIsLimited) {
  const std::string many(5000, '(');
  EXPECT_EQ(ErrorOf("{{ " + many).code(), StatusCode::kCorrupt);
  std::string sum = "{{ 1";
  for (int i = 0; i < 100000; ++i) sum += " + 1";
  EXPECT_EQ(ErrorOf(sum + " }}").code(), StatusCode::kCorrupt);
  std::string blocks;
  for (int i = 0; i < 100000; ++i) blocks += "{% if 1 %}";
  EXPECT_EQ(ErrorOf(blocks).code(), StatusCode::kCorrupt);
  EXPECT_EQ(ErrorOf("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(ErrorOf("{% set n = namespace(l=[]) %}{% for a in range(99999) %}{% set n.l = [n.l] %}"
                    "{% endfor %}")
                .code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(ErrorOf("{% set n = namespace() %}{% set n.a = [n] %}").code(),
            StatusCode::kUnsupported);
}

TEST(ChatTemplate, ArithmeticThatLeaves64BitsIsAnError) {
  for (const std::string source : {"{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.0 / 0 }}",
                                   "{{ 999999999999999999 * 999999999999999999 }}", "{{ 'a' + 1 }}",
                                   "{{ missing + 'a' }}", "{{ [1] < 2 }}", "{{ 'abc'[::0] }}"}) {
    EXPECT_EQ(ErrorOf(source).code(), StatusCode::kCorrupt) << source;
  }
}

}  // namespace
}  // namespace crumb
