// The table of rules, and what they share.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "advice/csv_table.h"
#include "advice/rule.h"

namespace crumb {
namespace {

constexpr Rule kRules[] = {
    {"size", "体积", "weights take at least parameters x bits / 8", "权重至少占参数量×位宽÷8字节",
     RunSizeRule},
    {"mixture", "混合位宽", "two widths give a size between those of each",
     "混合两种位宽的体积在二者之间", RunMixtureRule},
    {"speed-up", "加速", "no faster than bytes and arithmetic allow",
     "加速不超过字节比与算力比的上限", RunSpeedupRule},
    {"throughput", "吞吐量", "the same for requests per second, at equal batch",
     "同批大小下吞吐量同样受限", RunThroughputRule},
    {"machines", "机器数", "machines saved are a speed-up too", "省下的机器数也是一种加速",
     RunMachinesRule},
    {"roofline", "屋顶线", "a token takes at least its weights / bandwidth",
     "每词元用时不少于权重÷带宽", RunRooflineRule},
    {"hardware", "硬件", "the same width gains alike on hardware alike",
     "同类硬件上同一位宽的收益相近", RunHardwareRule},
    {"energy", "能耗", "energy / time lies between idle and board power",
     "能耗÷时间在待机与整卡功耗之间", RunEnergyRule},
    {"drop", "损失", "no more can be lost than base - chance", "损失不超过基线减随机水平",
     RunDropRule},
    {"published", "已发表结果", "no better than the best published of its kind",
     "不优于已发表的同类最好结果", RunPublishedRule},
    {"little", "利特尔定律", "requests inside = rate x time (Little's law)",
     "系统内请求数=到达率×时间（利特尔定律）", RunLittleRule},
    {"memory", "内存", "more bits take more memory; what fits, fits",
     "位数越多内存越大；放得下才运行得了", RunMemoryRule},
    {"price", "价格", "price x machines = cost; compare at one latency",
     "单价×机器数=成本；同延迟才可比", RunPriceRule},
    {"scale", "规模规律", "a law of size needs four sizes, with residuals",
     "规模规律至少要四个规模并给出残差", RunScaleRule},
    {"arithmetic", "算术", "a printed change follows from the printed values",
     "印出的变化应由印出的数值算得", RunArithmeticRule},
    {"reduction", "内存节省", "memory saved follows from the widths", "内存节省由位宽之比决定",
     RunReductionRule},
};

// "7B" in "LLaMA-7B": the count in a name.
double CountInName(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const bool starts =
        at == 0 || (text[at - 1] != '.' && (text[at - 1] < '0' || text[at - 1] > '9'));
    if (text[at] < '0' || text[at] > '9' || !starts) continue;
    size_t end = text.find_first_not_of("0123456789.", at);
    if (end == std::string_view::npos) return 0;
    const double size = text[end] == 'B' ? 1e9 : text[end] == 'M' ? 1e6 : 0;
    const bool last = end + 1 == text.size() || text[end + 1] == ')' || text[end + 1] == ' ' ||
                      text[end + 1] == ',';
    if (size > 0 && last) return ParseNumber(text.substr(at, end - at)).value_or(0) * size;
  }
  return 0;
}

}  // namespace

std::span<const Rule> AllRules() { return kRules; }

std::string_view RuleName(std::string_view name, std::string_view language) {
  if (language != "zh") return name;
  const auto* rule = std::ranges::find(kRules, name, &Rule::name);
  return rule == std::end(kRules) ? std::string_view("实测") : rule->name_zh;
}

ClaimSet::ClaimSet(const std::vector<Claim>& claims, const Facts& facts)
    : claims_(&claims), facts_(&facts) {
  for (const Claim& claim : claims) settings_[claim.setting].push_back(&claim);
}

const Claim* ClaimSet::Find(const std::string& setting, Quantity quantity, double bits) const {
  const auto found = settings_.find(setting);
  if (found == settings_.end()) return nullptr;
  for (const Claim* claim : found->second) {
    if (claim->quantity == quantity && (bits == 0 || claim->bits == bits)) return claim;
  }
  return nullptr;
}

const Claim* ClaimSet::FindIf(const std::function<bool(const Claim&)>& accept) const {
  const auto found = std::ranges::find_if(*claims_, accept);
  return found == claims_->end() ? nullptr : &*found;
}

const Claim* ClaimSet::Baseline(const std::string& setting, Quantity quantity) const {
  const auto found = settings_.find(setting);
  if (found == settings_.end()) return nullptr;
  const Claim* highest = nullptr;
  bool several = false;
  for (const Claim* claim : found->second) {
    if (claim->quantity != quantity || claim->bits == 0) continue;
    several = several || (highest != nullptr && highest->bits != claim->bits);
    if (highest == nullptr || claim->bits > highest->bits) highest = claim;
  }
  return several ? highest : nullptr;
}

double ClaimSet::Parameters(const Claim& claim) const {
  if (const Claim* stated = Find(claim.setting, Quantity::kParameters)) return stated->value;
  if (claim.model != nullptr) {
    const Claim* stated = FindIf([&](const Claim& other) {
      return other.quantity == Quantity::kParameters && other.model == claim.model;
    });
    if (stated != nullptr) return stated->value;
  }
  for (const std::string* text : {&claim.row, &claim.table}) {
    if (const double count = CountInName(*text); count > 0) return count;
  }
  if (claim.model == nullptr) return 0;
  if (const double count = CountInName(claim.model->name); count > 0) return count;
  return claim.model->Number("parameters").value_or(0);
}

std::string MegaBytes(double bytes) { return fmt::format("{:.4g} MB", bytes / 1e6); }

std::string BitsText(double bits) {
  return fmt::format("{:g} {}", bits, bits == 1 ? "bit" : "bits");
}

bool SameModelAndFamily(const Claim& a, const Claim& b) {
  return a.model != nullptr && a.model == b.model && a.device != nullptr && b.device != nullptr &&
         a.device->Text("family") == b.device->Text("family");
}

}  // namespace crumb
