// An article as text: the source with ** and ###, and the plain text without them. Paragraphs begin
// with two ideographic spaces; an empty line stands between blocks.
#ifndef CRUMB_ARTICLE_RENDER_TEXT_H_
#define CRUMB_ARTICLE_RENDER_TEXT_H_

#include <string>

#include "article/document.h"

namespace crumb::article {

std::string RenderSource(const Document& document);
std::string RenderPlain(const Document& document);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_RENDER_TEXT_H_
