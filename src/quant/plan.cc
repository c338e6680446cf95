#include "quant/plan.h"

#include <fmt/format.h>

#include "base/json.h"
#include "codecs/codec.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

constexpr std::string_view kWidths[] = {"8", "4", "3", "2", "1.58", "ternary", "1"};

// "int4-g64" -> "int4".
std::string_view WithoutGroup(std::string_view codec) {
  constexpr std::string_view kGroup = "-g64";
  return codec.ends_with(kGroup) ? codec.substr(0, codec.size() - kGroup.size()) : codec;
}

// "gptq-int3", "ternary-ternary"; without the method where nothing was searched ("ternary") or the
// codec is of that method alone ("trellis2").
std::string ChoiceName(const MatrixChoice& choice) {
  const std::string_view codec = WithoutGroup(choice.codec);
  const bool said = codec != choice.method && codec.starts_with(choice.method);
  if (choice.method == "rtn" || said) return std::string(codec);
  return fmt::format("{}-{}", choice.method, codec);
}

}  // namespace

const MatrixChoice& QuantizePlan::ChoiceFor(const NamedMatrix& matrix) const {
  const auto exception = exceptions.find(matrix.name);
  if (exception != exceptions.end()) return exception->second;
  const bool table = matrix.role == MatrixRole::kEmbedding || matrix.role == MatrixRole::kHead;
  return table ? embedding : block;
}

std::string VariantName(const QuantizePlan& plan) {
  if (!plan.mixed_name.empty()) return plan.mixed_name;
  std::string embedding = ChoiceName(plan.embedding);
  if (embedding.starts_with("int")) {
    embedding.erase(0, 3);
  } else if (embedding != "ternary") {
    embedding.insert(0, "-");
  }
  return fmt::format("{}+embed{}", ChoiceName(plan.block), embedding);
}

Json PlanJson(const QuantizePlan& plan) {
  const auto choice = [](const MatrixChoice& c) {
    return Json{{"method", c.method},
                {"method_version", FindQuantizer(c.method)->version()},
                {"codec", c.codec}};
  };
  Json json = {{"block", choice(plan.block)}, {"embedding", choice(plan.embedding)}};
  json["exceptions"] = Json::object();
  for (const auto& [name, one] : plan.exceptions) json["exceptions"][name] = choice(one);
  return json;
}

std::string_view DefaultMethod(std::string_view width) {
  if (width == "8") return "rtn";
  if (width == "1.58" || width == "ternary") return "ternary";
  return "trellis";
}

const Codec* Quantizer::CodecForWidth(std::string_view width) const {
  if (width == "1.58" || width == "ternary") return FindCodec("ternary-g64");
  return FindCodec(fmt::format("int{}-g64", width));
}

Result<MatrixChoice> ChoiceForWidth(std::string_view width, std::string_view method) {
  bool known = false;
  for (const std::string_view one : kWidths) known = known || one == width;
  if (!known) {
    return InvalidArgument(fmt::format(
        "width \"{}\": choose one of 8, 4, 3, 2, 1.58 (the same as ternary), 1", width));
  }
  if (method.empty() || method == "best") method = DefaultMethod(width);
  const Quantizer* quantizer = FindQuantizer(method);
  if (quantizer == nullptr) {
    return InvalidArgument(fmt::format("there is no method \"{}\"; choose one of: best, {}", method,
                                       QuantizerNames()));
  }
  const Codec* codec = quantizer->CodecForWidth(width);
  if (codec == nullptr || !quantizer->Supports(*codec)) {
    return InvalidArgument(fmt::format("method {} can not make {} bits", method, width));
  }
  return MatrixChoice{std::string(method), std::string(codec->name())};
}

}  // namespace crumb
