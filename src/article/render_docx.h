// The Word file of an article (ECMA-376, Office Open XML): what opens in Word, WPS and LibreOffice
// without a question.
//
// A4; body text of 12 points on lines of 21; paragraphs indented by two characters, given in
// characters (which Word prefers) and in twentieths of a point (which others need), and never by
// spaces; bold is the only emphasis; one pair of fonts, SimSun for Chinese and Times New Roman for
// digits and Latin letters; language zh-CN. Figures stand at the end of their section, with their
// caption as alternative text and as a paragraph of style Caption below. The file names no person,
// program, machine or time: the same document gives the same bytes.
#ifndef CRUMB_ARTICLE_RENDER_DOCX_H_
#define CRUMB_ARTICLE_RENDER_DOCX_H_

#include <string>

#include "article/document.h"
#include "base/status.h"

namespace crumb::article {

// Ill-formed UTF-8 becomes U+FFFD; control characters, which XML can not hold, are left out.
// kInvalidArgument: a figure without a size, or with a name that is none.
Result<std::string> RenderDocx(const Document& document);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_RENDER_DOCX_H_
