#include "lab/memory_account.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "lab/bench.h"
#include "measure/machine.h"
#include "model/session.h"

namespace crumb {
namespace {

// Every page of keys, values, buffers and logits is touched once.
Status FillContext(Session& session, std::vector<float>* logits) {
  const int64_t context = session.max_tokens();
  const std::vector<int32_t> tokens =
      SpreadTokens(context, session.model().config().vocabulary_size);
  CRUMB_RETURN_IF_ERROR(session.Forward(tokens, 1, logits));
  session.Truncate(context - 1);
  std::vector<NextToken> next = {{0, tokens.front()}};
  for (int64_t s = 1; s < session.sequences(); ++s) {
    session.CopySequence(0, s);
    next.push_back({s, tokens.front()});
  }
  return session.Step(next, logits);
}

}  // namespace

Result<MemoryAccount> AccountMemory(const std::string& path, MemoryRequest request,
                                    ThreadPool& pool) {
  CRUMB_ASSIGN_OR_RETURN(const ModelShape shape, ReadModelShape(path, request.decode_to));
  if (shape.config.encoder) return Unsupported(path + ": is an encoder; it has no KV cache");
  if (request.context == 0) request.context = shape.config.max_positions;
  const MemoryNeed need = PredictMemory(shape, request);
  std::error_code error;
  const std::string real = std::filesystem::canonical(path, error).string();

  MemoryAccount account;
  account.request = request;
  CRUMB_ASSIGN_OR_RETURN(account.at_start, ReadMemoryMap(real));
  LoadOptions load;
  load.decode_to = request.decode_to;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Load(path, load));
  CRUMB_ASSIGN_OR_RETURN(const MemoryMap loaded, ReadMemoryMap(real));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(*model, pool,
                                         {.max_tokens = request.context,
                                          .activations = request.activations,
                                          .kv = request.kv,
                                          .sequences = request.sequences}));
  std::vector<float> logits;
  CRUMB_RETURN_IF_ERROR(FillContext(*session, &logits));
  CRUMB_ASSIGN_OR_RETURN(account.at_end, ReadMemoryMap(real));
  account.allocator = ReadAllocatorMemory();
  CRUMB_ASSIGN_OR_RETURN(const ResidentMemory resident, ReadResidentMemory());
  account.peak_bytes = resident.peak_bytes;

  const int64_t weights = need.mapped_weights + need.copied_weights;
  const auto logit_bytes = static_cast<int64_t>(logits.size() * sizeof(float));
  const int64_t work = session->kv_bytes() + session->activation_bytes() + logit_bytes;
  account.parts = {
      {"weights", "bytes of every tensor as held", weights, model->weight_bytes(), "held"},
      {"KV cache", need.kv_formula, need.kv, session->kv_bytes(), "allocated"},
      {"activations", need.activation_formula, need.activations, session->activation_bytes(),
       "allocated"},
      {"logits", "4 bytes x vocabulary x sequences", need.logits, logit_bytes, "allocated"},
      {"model file", "mapped weights", need.mapped_weights, account.at_end.model_file_bytes,
       "resident"},
      {"loading", "copied weights", need.copied_weights,
       loaded.anonymous_bytes - account.at_start.anonymous_bytes, "anonymous"},
      {"running", "KV cache + activations + logits", work,
       account.at_end.anonymous_bytes - loaded.anonymous_bytes, "anonymous"},
  };
  return account;
}

}  // namespace crumb
