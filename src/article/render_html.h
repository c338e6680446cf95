// The page of an article: opens from disk, loads nothing, and has one button that copies the
// article.
//
// The article is the element with id="crumb-article": what the button copies and what crumb lint
// reads. It keeps to what survives a paste (docs/article-forms.md): the elements p, h3 and strong,
// each with all its styles in its style attribute and no other attribute, one paragraph in one
// line, and two ideographic spaces before each paragraph. The bar, the frame of the preview and the
// script stand outside of it. The page has no figures.
#ifndef CRUMB_ARTICLE_RENDER_HTML_H_
#define CRUMB_ARTICLE_RENDER_HTML_H_

#include <string>

#include "article/document.h"

namespace crumb::article {

// Any text is safe: it is escaped, ill-formed UTF-8 becomes U+FFFD, and control characters, which
// no editor keeps, are left out.
std::string RenderHtml(const Document& document);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_RENDER_HTML_H_
